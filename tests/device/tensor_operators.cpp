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

void indexing(Table& t) {
  t.add("arange", [](const Inputs& in) -> Outputs {
    return {at::arange(7, in.options()), at::arange(1, 7, 2, in.options().dtype(at::kLong))};
  });
  t.one("bucketize", [](const Inputs& in) { return at::bucketize(in({2, 5}), in({8})); });
  t.one("cat", [](const Inputs& in) { return at::cat({in({2, 3, 8}), in({2, 5, 8})}, 1); });
  t.add("chunk", [](const Inputs& in) { return in({2, 5, 8}).chunk(3, -1); });
  t.one("clone", [](const Inputs& in) { return in({2, 5, 8}).clone(); });
  t.one("diag_embed", [](const Inputs& in) { return in({2, 5}).diag_embed(); });
  t.one("diagonal", [](const Inputs& in) { return in({2, 5, 8}).diagonal(0, 1, 2); });
  t.one("embedding", [](const Inputs& in) { return at::embedding(in({9, 8}), in.ids({2, 5}, 9)); });
  t.one("embedding_bag", [](const Inputs& in) {
    return std::get<0>(
        at::embedding_bag(in({9, 8}), in.ids({10}, 9), at::arange(0, 10, 5, in.options().dtype(at::kLong))));
  });
  t.one("expand", [](const Inputs& in) { return in({1, 5, 8}).expand({3, 5, 8}); });
  t.one("eye", [](const Inputs& in) { return at::eye(5, 8, in.options()); });
  t.add("full", [](const Inputs& in) -> Outputs {
    return {at::full({2, 3}, 1.5, in.options()), at::full_like(in({2, 5}), 1)};
  });
  t.one("gather", [](const Inputs& in) { return in({2, 5, 8}).gather(1, in.ids({2, 3, 8}, 5)); });
  t.add("index", [](const Inputs& in) -> Outputs {
    return {at::index(in({9, 8}), {in.ids({2, 5}, 9)}),
            at::index(in({2, 5, 8}), {in.ids({3}, 2), {}, in.ids({1}, 8)})};
  });
  t.one("index_add", [](const Inputs& in) {
    return in({2, 5, 8}).index_add(1, in.ids({3}, 5), in({2, 3, 8}));
  });
  t.one("index_copy", [](const Inputs& in) {
    return in({2, 5, 8}).index_copy(1, at::arange(3, in.options().dtype(at::kLong)), in({2, 3, 8}));
  });
  t.one("index_fill_", [](const Inputs& in) { return in({2, 5, 8}).index_fill_(1, in.ids({3}, 5), 0); });
  t.one("index_put", [](const Inputs& in) {
    return at::index_put(in({9, 8}), {in.ids({4}, 9)}, in({4, 8}));
  });
  t.one("index_put_", [](const Inputs& in) {
    at::Tensor x = in({9, 8});
    return at::index_put_(x, {in.ids({4}, 9)}, in({4, 8}), true);
  });
  t.one("index_select", [](const Inputs& in) { return in({2, 5, 8}).index_select(1, in.ids({3}, 5)); });
  t.one("linspace", [](const Inputs& in) { return at::linspace(0, 1, 7, in.options()); });
  t.one("masked_scatter", [](const Inputs& in) {
    return in({5, 8}).masked_scatter(in.mask({5, 8}), in({40}));
  });
  t.add("meshgrid", [](const Inputs& in) { return at::meshgrid({in({3}), in({4})}, "ij"); });
  t.add("narrow", [](const Inputs& in) -> Outputs { return {in({2, 5, 8}).narrow(1, 1, 3), in({2, 5})[1]}; });
  t.one("scatter_", [](const Inputs& in) {
    return at::zeros({2, 5, 9}, in.options()).scatter_(-1, in.ids({2, 5, 1}, 9), 1);
  });
  t.one("permute", [](const Inputs& in) { return image(in).permute({0, 2, 3, 1}); });
  t.add("rand", [](const Inputs& in) -> Outputs {
    return {at::rand({2, 3}, in.options()), at::randn({2, 3}, in.options()), at::rand_like(in({2, 3})),
            at::randint(5, {2, 3}, in.options())};
  });
  t.one("randperm", [](const Inputs& in) { return at::randperm(6, in.options().dtype(at::kLong)); });
  t.one("repeat", [](const Inputs& in) { return in({2, 5, 8}).repeat({2, 1, 3}); });
  t.one("repeat_interleave", [](const Inputs& in) { return in({2, 5, 8}).repeat_interleave(3, 1); });
  t.one("reshape", [](const Inputs& in) { return image(in).reshape({2, 4, 48}); });
  t.one("scatter", [](const Inputs& in) {
    return in({2, 5, 8}).scatter(1, in.ids({2, 3, 8}, 5), in({2, 3, 8}));
  });
  t.one("scatter_add", [](const Inputs& in) {
    return in({2, 5, 8}).scatter_add(1, in.ids({2, 3, 8}, 5), in({2, 3, 8}));
  });
  t.one("scatter_reduce", [](const Inputs& in) {
    return in({2, 5, 8}).scatter_reduce(1, in.ids({2, 3, 8}, 5), in({2, 3, 8}), "amax");
  });
  t.one("searchsorted", [](const Inputs& in) { return at::searchsorted(in({2, 8}), in({2, 3})); });
  t.one("select_scatter", [](const Inputs& in) {
    return at::select_scatter(in({2, 5, 8}), in({2, 8}), 1, 2);
  });
  t.one("slice_scatter", [](const Inputs& in) {
    return at::slice_scatter(in({2, 5, 8}), in({2, 2, 8}), 1, 1, 3);
  });
  t.add("split", [](const Inputs& in) { return in({2, 5, 8}).split(3, -1); });
  t.one("stack", [](const Inputs& in) { return at::stack({in({2, 8}), in({2, 8})}, 1); });
  t.one("take_along_dim", [](const Inputs& in) {
    return at::take_along_dim(in({2, 5, 8}), in.ids({2, 3, 1}, 5), 1);
  });
  t.one("tril_indices",
        [](const Inputs& in) { return at::tril_indices(4, 5, 0, in.options().dtype(at::kLong)); });
  t.one("zeros_like", [](const Inputs& in) { return at::zeros_like(image(in)); });
}

void products(Table& t) {
  t.one("addmm", [](const Inputs& in) { return at::addmm(in({6}), in({5, 8}), in({8, 6})); });
  t.one("baddbmm", [](const Inputs& in) { return at::baddbmm(in({2, 5, 6}), in({2, 5, 8}), in({2, 8, 6})); });
  t.one("bilinear", [](const Inputs& in) {
    return at::bilinear(in({5, 8}), in({5, 6}), in({3, 8, 6}), in({3}));
  });
  t.one("bmm", [](const Inputs& in) { return at::bmm(in({2, 5, 8}), in({2, 8, 6})); });
  t.one("cdist", [](const Inputs& in) {
    return at::cdist(in({2, 5, 8}).to(at::kFloat), in({2, 3, 8}).to(at::kFloat));
  });
  t.one("cosine_similarity", [](const Inputs& in) {
    return at::cosine_similarity(in({2, 5, 8}), in({2, 5, 8}), -1);
  });
  t.one("cross", [](const Inputs& in) { return at::cross(in({5, 3}), in({5, 3}), -1); });
  t.one("dot", [](const Inputs& in) { return at::dot(in({8}), in({8})); });
  t.one("einsum", [](const Inputs& in) { return at::einsum("bld,hd->bhl", {in({2, 5, 8}), in({3, 8})}); });
  t.one("kron", [](const Inputs& in) { return at::kron(in({2, 3}), in({4, 5})); });
  t.one("linear", [](const Inputs& in) { return at::linear(in({2, 5, 8}), in({6, 8}), in({6})); });
  t.one("matmul", [](const Inputs& in) { return at::matmul(in({2, 4, 5, 8}), in({8, 6})); });
  t.one("mm", [](const Inputs& in) { return at::mm(in({5, 8}), in({8, 6})); });
  t.one("mv", [](const Inputs& in) { return at::mv(in({5, 8}), in({8})); });
  t.one("outer", [](const Inputs& in) { return at::outer(in({5}), in({8})); });
  t.one("tensordot", [](const Inputs& in) {
    return at::tensordot(in({2, 5, 8}), in({8, 5, 3}), {1, 2}, {1, 0});
  });

  const auto attend = [](const Inputs& in, int64_t kv_heads, bool causal, bool mask) {
    const at::Tensor q = in({2, 4, 5, 8}), k = in({2, kv_heads, 5, 8}), v = in({2, kv_heads, 5, 8});
    return at::scaled_dot_product_attention(q, k, v,
                                            mask ? std::optional(in.mask({2, 1, 5, 5})) : std::nullopt, 0,
                                            causal, std::nullopt, kv_heads != 4);
  };
  t.one("scaled_dot_product_attention", [=](const Inputs& in) { return attend(in, 4, false, false); });
  t.one("scaled_dot_product_attention (causal)",
        [=](const Inputs& in) { return attend(in, 4, true, false); });
  t.one("scaled_dot_product_attention (mask)", [=](const Inputs& in) { return attend(in, 4, false, true); });
  t.one("scaled_dot_product_attention (grouped)",
        [=](const Inputs& in) { return attend(in, 2, false, false); });
  t.one("scaled_dot_product_attention (broadcast)", [](const Inputs& in) {
    return at::scaled_dot_product_attention(in({2, 4, 5, 8}), in({1, 4, 7, 8}), in({1, 4, 7, 6}));
  });
  t.one("scaled_dot_product_attention (one head)", [](const Inputs& in) {
    return at::scaled_dot_product_attention(in({2, 5, 8}), in({2, 7, 8}), in({2, 7, 8}));
  });
  t.add("gru", [](const Inputs& in) {
    return list(at::gru(in({2, 5, 8}), in({1, 2, 4}), {in({12, 8}), in({12, 4}), in({12}), in({12})}, true, 1,
                        0, false, false, true));
  });
  t.add("lstm", [](const Inputs& in) -> Outputs {
    const auto [out, hidden, cell] =
        at::lstm(in({2, 5, 8}), {in({1, 2, 4}), in({1, 2, 4})},
                 {in({16, 8}), in({16, 4}), in({16}), in({16})}, true, 1, 0, false, false, true);
    return {out, hidden, cell};
  });
}

void spectra(Table& t) {
  const auto real = [](const Inputs& in) { return image(in).to(at::kFloat); };
  t.one("angle", [](const Inputs& in) { return at::angle(in.complex({2, 5})); });
  t.one("abs (complex)", [](const Inputs& in) { return at::abs(in.complex({2, 5})); });
  t.one("complex", [](const Inputs& in) {
    return at::complex(in({2, 5}).to(at::kFloat), in({2, 5}).to(at::kFloat));
  });
  t.one("fft_fft", [=](const Inputs& in) { return at::fft_fft(real(in)); });
  t.one("fft_fft2", [=](const Inputs& in) { return at::fft_fft2(real(in)); });
  t.one("fft_ifft2", [](const Inputs& in) { return at::fft_ifft2(in.complex({2, 4, 8, 6})); });
  t.one("fft_irfft2", [](const Inputs& in) { return at::fft_irfft2(in.complex({2, 4, 8, 4})); });
  t.one("fft_rfft", [=](const Inputs& in) { return at::fft_rfft(real(in)); });
  t.one("fft_rfft2", [=](const Inputs& in) {
    return at::fft_rfft2(real(in), at::OptionalIntArrayRef(), {2, 3}, "ortho");
  });
  t.one("fft_fftshift", [=](const Inputs& in) { return at::fft_fftshift(real(in)); });
  t.one("view_as_complex", [](const Inputs& in) {
    return at::view_as_complex(in({2, 5, 4, 2}).to(at::kFloat).contiguous());
  });
  t.one("view_as_real", [](const Inputs& in) { return at::view_as_real(in.complex({2, 5})); });
  t.one("linalg_inv", [](const Inputs& in) {
    return at::linalg_inv(in({2, 3, 3}).to(at::kFloat) + at::eye(3, in.options()));
  });
  t.one("linalg_norm", [](const Inputs& in) {
    return at::linalg_norm(in({2, 5, 8}).to(at::kFloat), "fro", at::OptionalIntArrayRef({1, 2}));
  });
  t.add("linalg_qr", [](const Inputs& in) { return list(at::linalg_qr(in({2, 5, 3}).to(at::kFloat))); });
  t.add("linalg_svd", [](const Inputs& in) -> Outputs {
    const auto [u, s, v] = at::linalg_svd(in({5, 3}).to(at::kFloat), false);
    return {u, s, v};
  });
}

}  // namespace

std::vector<Operator> tensor_operators() {
  Table t;
  indexing(t);
  products(t);
  spectra(t);
  return t.operators;
}

}  // namespace flam
