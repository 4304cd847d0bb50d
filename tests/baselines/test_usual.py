import tensorflow as tf

from tfrs_ext.baselines import ItemToItemBaseline, PopularityBaseline, fit_baselines


def test_the_usual_baselines_are_fitted_to_the_histories():
    histories = tf.ragged.constant([[0, 1], [0, 1, 2], [3]])
    fitted = fit_baselines(histories, 4, seed=3)
    query = tf.constant([[0]])
    for name, own in (("item to item", ItemToItemBaseline), ("popularity", PopularityBaseline)):
        expected = own(4).adapt(histories)(query)
        tf.debugging.assert_equal(fitted[name](query), expected)
    assert fitted["random"].seed == 3
