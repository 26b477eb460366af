#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace flam {

/// The tokens of a caption as in pycocoevalcap's PTBTokenizer: those of the Penn Treebank tokenizer of
/// Stanford CoreNLP 3.4.1 (options -preserveLines -lowerCase), without punctuation. "A man's dog isn't here!"
/// becomes a man 's dog is n't here. Tokens with inner spaces, such as 5 1/2, have U+00A0 instead. Bytes that
/// are not UTF-8 separate words and are dropped. Each caption is read alone; pycocoevalcap joins all captions
/// to one text, in which a single letter with a period keeps it or not depending on the next caption.
std::vector<std::string> ptb_tokens(std::string_view caption);

}  // namespace flam
