"""Places that don't keep the rules of the house yet: take out what you mend, add nothing."""

# Modules whose file begins with an underscore.
UNDERSCORED: set[str] = set()

# Imports of another package's modules, or of names that it doesn't export.
CLOSED_IMPORTS: set[str] = set()

# Modules that are hidden by what their package exports under the same name.
HIDDEN_MODULES: set[str] = set()

# Names of more than one class.
SHARED_CLASS_NAMES: set[str] = set()

# The most parameters that may be annotated `Any`, as shares: of a package, 0.05 where none is
# named, and of the whole.
ANY_CEILINGS: dict[str, float] = {}
ANY_CEILING = 0.05

# How many descriptions of arguments begin as stumps, such as "Of the metric".
STUMPS: dict[str, int] = {}

# What pages name already and the package has only soon.
NAMES_TO_COME: set[str] = set()
