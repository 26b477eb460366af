#pragma once
// Shots that many requests begin with.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "framework/component/types.h"
#include "framework/session/placed_media.h"

namespace flam {

class Checkpoint;
struct KeptPrompt;
struct Prepared;
struct SessionParts;

/// Shots whose pictures are encoded and whose part of the prompt the decoder has run, once for all requests
/// that begin with them. Made by Session::context() and used through CallOptions::context, by that session
/// alone. It does not change, so that threads may share it.
///
/// What is kept ends at a special token of the tokenizer. Where text sees the next picture (OpenFlamingo v1),
/// it ends at the last picture of the shots, because the text after it sees the query's.
class FLAM_API PromptContext {
 public:
  /// For Session::context().
  static std::shared_ptr<const PromptContext> make(const SessionParts& parts, const Request& shots);

  /// Writes a safetensors file that Session::load_context() reads, under a temporary name which is then
  /// changed. It names the hash of the model, so that no other model takes it. Error: nothing is kept, or the
  /// file can't be written.
  void save(const std::filesystem::path& file) const;
  /// For Session::load_context().
  static std::shared_ptr<const PromptContext> load(const SessionParts& parts,
                                                   const std::filesystem::path& file);

  const Request& shots() const { return shots_; }
  /// The shots followed by the parts of `query`, with its id and candidates. Error: `query` is a
  /// conversation.
  Request request(Request query) const;

  /// The prompt's text as far as it is the same for all queries, with the media markers of every crop.
  const std::string& text() const { return text_.str(); }
  /// How many tokens of a prompt need not be run again; 0 if none can be kept.
  int64_t kept_tokens() const;

  /// Whether a prompt begins with the shots, so that the rest of it can follow what is kept.
  bool begins(const Prompt& prompt) const;
  /// How many media the shots have.
  size_t media_count() const { return beginning_.media.size(); }
  /// What follows the shots in a prompt that begins with them.
  Prompt rest(const Prompt& prompt) const;
  /// Puts the shots before each row of a batch that was made of rest() and has no ids yet.
  void put_before(Prepared& prepared) const;
  /// Copies what is known of the pictures of the shots, so that they need not be measured again.
  void know_media(Prompt& prompt) const;
  /// Whether it belongs to the model of these parts.
  bool is_of(const SessionParts& parts) const { return parts_ == &parts; }

 private:
  PromptContext() = default;
  static std::shared_ptr<const PromptContext> read(const SessionParts& parts, const Checkpoint& file);

  const SessionParts* parts_ = nullptr;
  Request shots_;
  Prompt beginning_;                        // as the task head makes it
  MarkedText text_;                         // with a media marker for every medium
  std::vector<PlacedMedia> media_;          // of each picture or video
  std::vector<std::string> contents_;       // of each of their pictures, as in Prepared
  std::shared_ptr<const KeptPrompt> kept_;  // null if nothing can be kept
};

}  // namespace flam
