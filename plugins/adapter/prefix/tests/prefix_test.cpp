#include "framework/component/adapter.h"
#include "tests/support/component.h"

namespace flam {
namespace {

constexpr int64_t kTokens = 2, kHidden = 6;
const AdapterInput kInput{{kTokens, kHidden}, kHidden, 3};

/// Rows written as "..tMt": padding, text, media marker. Each position has different random values.
Sequence prompt_of(const std::vector<std::string>& rows) {
  const auto batch = static_cast<int64_t>(rows.size()), length = static_cast<int64_t>(rows.front().size());
  Sequence prompt{random({batch, length, kHidden}, 3), at::zeros({batch, length}, at::kBool),
                  at::zeros({batch, length}, at::kBool)};
  for (int64_t row = 0; row < batch; ++row) {
    for (int64_t i = 0; i < length; ++i) {
      prompt.mask[row][i] = rows[row][i] != '.';
      prompt.media_locations[row][i] = rows[row][i] == 'M';
    }
  }
  return prompt;
}

at::Tensor media_of(int64_t batch, int64_t pictures) {
  return random({batch, pictures, kTokens, kHidden}, 1);
}

std::vector<int64_t> list(const at::Tensor& integers) {
  const at::Tensor flat = integers.to(at::kLong).contiguous();
  return {flat.const_data_ptr<int64_t>(), flat.const_data_ptr<int64_t>() + flat.numel()};
}
using List = std::vector<int64_t>;

class Prefix : public ::testing::Test {
 protected:
  Sequence embed(const Sequence& prompt, const at::Tensor& media) const {
    return adapter->embed(prompt, *adapter->prepare(media));
  }
  Built<Adapter> adapter{"{type: prefix}", kInput};
};

TEST_F(Prefix, acts_before_no_layer_and_has_no_weights) {
  EXPECT_TRUE(adapter->layers().empty());
  EXPECT_EQ(adapter.store.parameter_count(), 0);
}

TEST_F(Prefix, a_marker_becomes_the_tokens_of_its_picture) {
  const Sequence prompt = prompt_of({"tMtMt"});
  const at::Tensor media = media_of(1, 2), &text = prompt.hidden;
  const Sequence out = embed(prompt, media);
  const at::Tensor expected = at::cat({text[0].narrow(0, 0, 1), media[0][0], text[0].narrow(0, 2, 1),
                                       media[0][1], text[0].narrow(0, 4, 1)})
                                  .unsqueeze(0);
  EXPECT_TRUE(at::equal(out.hidden, expected));
  EXPECT_EQ(list(out.mask), List(7, 1));
  EXPECT_EQ(list(out.media_locations), (List{0, 1, 0, 0, 1, 0, 0}));
  EXPECT_FALSE(out.spans.defined());
}

TEST_F(Prefix, a_marker_is_read_at_the_last_of_its_media) {
  EXPECT_EQ(list(embed(prompt_of({"tMtMt"}), media_of(1, 2)).token_positions), (List{0, 2, 3, 5, 6}));
}

TEST_F(Prefix, rows_are_padded_on_the_left_and_do_not_depend_on_each_other) {
  const std::vector<std::string> rows = {"MtMtt", "..ttM", "..ttt", "ttM.."};
  const Sequence prompt = prompt_of(rows);
  const at::Tensor media = media_of(4, 2);
  const Sequence out = embed(prompt, media);
  EXPECT_EQ(out.hidden.size(1), 7);
  for (int64_t row = 0; row < 4; ++row) {
    const at::Tensor real = prompt.mask[row].nonzero().squeeze(1);
    Sequence alone{prompt.hidden[row].index_select(0, real).unsqueeze(0),
                   at::ones({1, real.size(0)}, at::kBool),
                   prompt.media_locations[row].index_select(0, real).unsqueeze(0)};
    alone = embed(alone, media.narrow(0, row, 1));
    const int64_t length = alone.hidden.size(1), padding = 7 - length;
    EXPECT_TRUE(at::equal(out.hidden[row].narrow(0, padding, length), alone.hidden[0])) << rows[row];
    EXPECT_TRUE(at::equal(out.media_locations[row].narrow(0, padding, length), alone.media_locations[0]))
        << rows[row];
    EXPECT_TRUE(at::equal(out.token_positions[row].index_select(0, real), alone.token_positions[0] + padding))
        << rows[row];
    EXPECT_EQ(out.mask[row].sum().item<int64_t>(), length) << rows[row];
    EXPECT_FALSE(out.mask[row].narrow(0, 0, padding).any().item<bool>()) << rows[row];
  }
}

TEST_F(Prefix, several_rows_may_share_their_media) {
  const Sequence prompt = prompt_of({"tMt", "Mtt", ".tM", "ttM"});
  const at::Tensor media = media_of(2, 1);
  EXPECT_TRUE(at::equal(embed(prompt, media).hidden, embed(prompt, media.repeat_interleave(2, 0)).hidden));
}

TEST_F(Prefix, markers_without_a_picture_stay_tokens) {
  const Sequence prompt = prompt_of({"MtMt"});
  const Sequence out = embed(prompt, media_of(1, 1));
  EXPECT_EQ(list(out.token_positions), (List{1, 2, 3, 4}));
  EXPECT_EQ(list(out.media_locations), (List{1, 0, 0, 1, 0}));
  EXPECT_TRUE(at::equal(out.hidden[0][3], prompt.hidden[0][2]));
}

TEST_F(Prefix, without_media_a_prompt_does_not_change) {
  const Sequence prompt = prompt_of({"..tt", "tMtt"});
  for (const at::Tensor& none : {at::Tensor(), media_of(2, 0)}) {
    const Sequence out = embed(prompt, none);
    EXPECT_TRUE(at::equal(out.hidden, prompt.hidden));
    EXPECT_TRUE(at::equal(out.mask, prompt.mask));
    EXPECT_FALSE(out.token_positions.defined());
  }
}

TEST_F(Prefix, the_marker_may_stay_before_its_media) {
  Built<Adapter> keeps("{type: prefix, keep_image_token: true}", kInput);
  const Sequence prompt = prompt_of({"tMt"});
  const at::Tensor media = media_of(1, 1);
  const Sequence out = keeps->embed(prompt, *keeps->prepare(media));
  EXPECT_TRUE(at::equal(out.hidden[0], at::cat({prompt.hidden[0].narrow(0, 0, 2), media[0][0],
                                                prompt.hidden[0].narrow(0, 2, 1)})));
  EXPECT_EQ(list(out.token_positions), (List{0, 3, 4}));
  EXPECT_EQ(list(out.media_locations), (List{0, 1, 0, 0, 0}));
}

TEST_F(Prefix, bidirectional_media_form_separate_spans) {
  Built<Adapter> both("{type: prefix, media_attention: bidirectional}", kInput);
  EXPECT_EQ(list(both->embed(prompt_of({"MMt", ".tM"}), *both->prepare(media_of(2, 2))).spans),
            (List{1, 1, 2, 2, 0, 0, 0, 0, 1, 1}));
}

TEST_F(Prefix, asks_for_the_decoders_width_unless_it_projects) {
  Built<Adapter> none("{type: prefix}", AdapterInput{{kTokens, 4}, kHidden, 3});
  ASSERT_TRUE(none->required_media_width());
  EXPECT_EQ(none->required_media_width()->width, kHidden);
  Built<Adapter> linear("{type: prefix, projection: linear}", AdapterInput{{kTokens, 4}, kHidden, 3});
  EXPECT_FALSE(linear->required_media_width());
  EXPECT_EQ(linear.store.parameter_count(), 4 * kHidden + kHidden);
  Built<Adapter> bare("{type: prefix, projection: linear, bias: false}",
                      AdapterInput{{kTokens, 4}, kHidden, 3});
  EXPECT_EQ(bare.store.parameter_count(), 4 * kHidden);
}

TEST_F(Prefix, gradients_reach_the_media_the_text_and_the_projection) {
  Built<Adapter> linear("{type: prefix, projection: linear}", AdapterInput{{kTokens, 4}, kHidden, 3});
  linear.fill_randomly();
  linear.want_gradients();
  const at::Tensor media = random({2, 1, kTokens, 4}, 1).requires_grad_();
  Sequence prompt = prompt_of({"tMt", ".tt"});
  prompt.hidden.requires_grad_();
  const Sequence out = linear->embed(prompt, *linear->prepare(media));
  const at::Tensor shown = out.hidden.narrow(1, 1, 2)[0];  // of row 0: positions 1 and 2
  EXPECT_TRUE(near(
      shown, at::linear(media[0][0], linear.weight("projection.weight"), linear.weight("projection.bias"))));
  (out.hidden * out.mask.unsqueeze(-1)).square().sum().backward();
  linear.expect_gradients();
  EXPECT_GT(media.grad()[0].abs().min().item<float>(), 0);
  EXPECT_EQ(media.grad()[1].abs().max().item<float>(), 0) << "a picture that no marker names";
  EXPECT_GT(prompt.hidden.grad()[1][2].abs().min().item<float>(), 0);
  EXPECT_EQ(prompt.hidden.grad()[0][1].abs().max().item<float>(), 0) << "the marker's embedding is replaced";
}

TEST_F(Prefix, runs_on_meta) {
  Sequence prompt = prompt_of({"tMt"});
  prompt.hidden = at::empty({1, 3, kHidden}, at::kMeta);
  const at::Tensor media = at::empty({1, 1, kTokens, kHidden}, at::kMeta);
  EXPECT_EQ(embed(prompt, media).hidden.sizes(), (at::IntArrayRef{1, 4, kHidden}));
}

}  // namespace
}  // namespace flam
