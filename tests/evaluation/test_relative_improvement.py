import numpy as np
import pytest

from tfrs_ext.evaluation import rela_impr


def test_relative_improvement_is_counted_from_chance():
    # DIN's paper, MovieLens: .7337 over .7300 is 1.61%.
    np.testing.assert_allclose(rela_impr(0.7337, 0.73), 0.0161, atol=5e-5)
    assert rela_impr(0.7, 0.7) == 0
    with pytest.raises(ValueError, match="`base_auc` must be"):
        rela_impr(0.7, 0.5)
    with pytest.raises(ValueError, match="`auc` must be"):
        rela_impr(1.7, 0.6)
