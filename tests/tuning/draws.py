"""Random points of a hypermodel's whole space."""

from tfrs_ext import tuning


def space_of(hypermodel):
    hp = tuning.HyperParameters()
    hypermodel.declare_hyperparameters(hp)
    hypermodel.build(hp)
    return hp


def drawn(space, seed, **chosen):
    """Returns hyper-parameters with random values for all that are active."""
    hp = tuning.HyperParameters()
    for number, parameter in enumerate(space.space):
        hp.merge([parameter])
        if hp.is_active(parameter):
            value = parameter.random_sample(1000 * seed + number)
            hp.values[parameter.name] = chosen.get(parameter.name, value)
    return hp
