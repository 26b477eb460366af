#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "tests/device/operators.h"

namespace flam {

namespace {

Outputs list(std::tuple<at::Tensor, at::Tensor> pair) {
  return {std::get<0>(pair), std::get<1>(pair)};
}

at::Tensor image(const Inputs& in) {
  return in({2, 4, 8, 6});
}

void convolutions(Table& t) {
  t.one("conv1d", [](const Inputs& in) { return at::conv1d(in({2, 4, 9}), in({6, 4, 3}), in({6}), 2, 1); });
  t.one("conv2d", [](const Inputs& in) { return at::conv2d(image(in), in({6, 4, 3, 3}), in({6}), 2, 1); });
  t.one("conv2d (dilated)", [](const Inputs& in) {
    return at::conv2d(image(in), in({6, 4, 3, 2}), {}, {1, 2}, {2, 1}, {2, 1});
  });
  t.one("conv2d (groups)", [](const Inputs& in) {
    return at::conv2d(image(in), in({4, 1, 3, 3}), in({4}), 1, 1, 1, 4);
  });
  t.one("conv2d (same)", [](const Inputs& in) {
    return at::conv2d(image(in), in({6, 4, 4, 3}), in({6}), 1, "same");
  });
  t.one("conv2d (unbatched)", [](const Inputs& in) { return at::conv2d(in({4, 8, 6}), in({6, 4, 3, 3})); });
  t.one("conv3d", [](const Inputs& in) {
    return at::conv3d(in({1, 2, 4, 6, 6}), in({4, 2, 2, 3, 3}), in({4}));
  });
  t.one("conv_transpose1d", [](const Inputs& in) {
    return at::conv_transpose1d(in({2, 4, 9}), in({4, 6, 3}), in({6}), 2, 1, 1);
  });
  t.one("conv_transpose2d", [](const Inputs& in) {
    return at::conv_transpose2d(image(in), in({4, 3, 3, 3}), in({6}), 2, 1, 1, 2);
  });
}

void pools(Table& t) {
  t.one("adaptive_avg_pool1d", [](const Inputs& in) { return at::adaptive_avg_pool1d(in({2, 4, 9}), 3); });
  t.one("adaptive_avg_pool2d", [](const Inputs& in) { return at::adaptive_avg_pool2d(image(in), {3, 1}); });
  t.one("adaptive_avg_pool2d (global)", [](const Inputs& in) {
    return at::adaptive_avg_pool2d(image(in), {1, 1});
  });
  t.add("adaptive_max_pool2d", [](const Inputs& in) {
    return list(at::adaptive_max_pool2d(image(in), {3, 2}));
  });
  t.one("avg_pool1d", [](const Inputs& in) { return at::avg_pool1d(in({2, 4, 9}), 2); });
  t.one("avg_pool2d", [](const Inputs& in) { return at::avg_pool2d(image(in), 3, 2, 1, true, false); });
  t.one("avg_pool3d", [](const Inputs& in) { return at::avg_pool3d(in({1, 2, 4, 4, 4}), 2); });
  t.one("max_pool1d", [](const Inputs& in) { return at::max_pool1d(in({2, 4, 9}), 3, 2, 1); });
  t.one("max_pool2d", [](const Inputs& in) { return at::max_pool2d(image(in), 3, 2, 1, 1, true); });
  t.add("max_pool2d_with_indices",
        [](const Inputs& in) { return list(at::max_pool2d_with_indices(image(in), 2)); });
  t.one("max_pool3d", [](const Inputs& in) { return at::max_pool3d(in({1, 2, 4, 4, 4}), 2); });
}

void norms(Table& t) {
  t.one("batch_norm", [](const Inputs& in) {
    return at::batch_norm(image(in), in({4}), in({4}), in({4}), in({4}), false, 0.1, 1e-5, false);
  });
  t.one("batch_norm (train)", [](const Inputs& in) {
    return at::batch_norm(image(in), in({4}), in({4}), in({4}), in({4}), true, 0.1, 1e-5, false);
  });
  t.one("group_norm", [](const Inputs& in) { return at::group_norm(image(in), 2, in({4}), in({4})); });
  t.one("instance_norm", [](const Inputs& in) {
    return at::instance_norm(image(in), in({4}), in({4}), {}, {}, true, 0.1, 1e-5, false);
  });
  t.one("layer_norm", [](const Inputs& in) { return at::layer_norm(in({2, 5, 8}), {8}, in({8}), in({8})); });
  t.add("native_layer_norm", [](const Inputs& in) -> Outputs {
    const auto [out, mean, rstd] = at::native_layer_norm(in({2, 5, 8}), {5, 8}, in({5, 8}), {}, 1e-5);
    return {out, mean, rstd};
  });
  t.one("rms_norm", [](const Inputs& in) { return at::rms_norm(in({2, 5, 8}), {8}, in({8}), 1e-5); });
}

void shapes(Table& t) {
  t.one("affine_grid_generator", [](const Inputs& in) {
    return at::affine_grid_generator(in({2, 2, 3}), {2, 4, 8, 6}, false);
  });
  t.one("channel_shuffle", [](const Inputs& in) { return at::channel_shuffle(image(in), 2); });
  t.one("col2im", [](const Inputs& in) {
    return at::col2im(in({2, 16, 12}), {8, 6}, {2, 2}, {1, 1}, {0, 0}, {2, 2});
  });
  t.one("constant_pad_nd", [](const Inputs& in) { return at::constant_pad_nd(image(in), {1, 2, 0, 1}); });
  t.one("flip", [](const Inputs& in) { return image(in).flip({-1, 1}); });
  t.one("grid_sampler", [](const Inputs& in) {
    return at::grid_sampler(image(in), in({2, 3, 5, 2}), 0, 0, false);
  });
  t.one("im2col", [](const Inputs& in) { return at::im2col(image(in), {2, 3}, {1, 1}, {0, 1}, {2, 1}); });
  t.one("pad (circular)", [](const Inputs& in) { return at::pad(image(in), {1, 1, 1, 1}, "circular"); });
  t.one("pixel_shuffle", [](const Inputs& in) { return at::pixel_shuffle(image(in), 2); });
  t.one("pixel_unshuffle", [](const Inputs& in) { return at::pixel_unshuffle(image(in), 2); });
  t.one("reflection_pad2d", [](const Inputs& in) { return at::reflection_pad2d(image(in), {1, 2, 0, 1}); });
  t.one("replication_pad2d", [](const Inputs& in) { return at::replication_pad2d(image(in), {1, 2, 0, 1}); });
  t.one("roll", [](const Inputs& in) { return at::roll(image(in), {1, -1}, {2, 3}); });
  t.one("rot90", [](const Inputs& in) { return at::rot90(image(in), 1, {2, 3}); });
  t.one("tril", [](const Inputs& in) { return in({2, 5, 5}).tril(); });
  t.one("triu", [](const Inputs& in) { return in({2, 5, 5}).triu(1); });
  t.one("unfold", [](const Inputs& in) { return image(in).unfold(2, 3, 2); });
  t.one("upsample_bicubic2d", [](const Inputs& in) {
    return at::upsample_bicubic2d(image(in), {5, 9}, false);
  });
  t.one("_upsample_bicubic2d_aa", [](const Inputs& in) {
    return at::_upsample_bicubic2d_aa(image(in), {5, 9}, false);
  });
  t.one("upsample_bilinear2d", [](const Inputs& in) {
    return at::upsample_bilinear2d(image(in), {5, 9}, false);
  });
  t.one("_upsample_bilinear2d_aa", [](const Inputs& in) {
    return at::_upsample_bilinear2d_aa(image(in), {5, 9}, false);
  });
  t.one("upsample_linear1d", [](const Inputs& in) { return at::upsample_linear1d(in({2, 4, 9}), 5, false); });
  t.one("upsample_nearest1d", [](const Inputs& in) { return at::upsample_nearest1d(in({2, 4, 9}), 5); });
  t.one("upsample_nearest2d", [](const Inputs& in) { return at::upsample_nearest2d(image(in), {16, 12}); });
  t.one("upsample_trilinear3d", [](const Inputs& in) {
    return at::upsample_trilinear3d(in({1, 2, 3, 4, 4}), {4, 6, 6}, false);
  });
}

}  // namespace

std::vector<Operator> spatial_operators() {
  Table t;
  convolutions(t);
  pools(t);
  norms(t);
  shapes(t);
  return t.operators;
}

}  // namespace flam
