#pragma once
// Short answers in a common form, in which different spellings of one answer are equal.
#include <string>
#include <string_view>

namespace flam {

/// What is done to an answer; the steps follow one another in this order. All of them together are the
/// processing of VQAEval, the official script of VQA v2 (GT-Vision-Lab/VQA, vqaEval.py), and of mmpretrain's
/// VQAAcc. Whitespace is Unicode's.
struct AnswerSteps {
  bool strip = false;  // removes whitespace at both ends
  /// Removes ; / [ ] " { } ( ) = + \ _ - > < @ ` , ? ! or replaces them by a space: a character is removed if
  /// it is next to a space anywhere in the answer, and every one is if there is a comma between two digits.
  /// Also removes the first 32 periods that are not in front of a digit (the script passes a flag as the
  /// number of replacements). Line breaks and tabs count as spaces.
  bool punctuation = false;
  bool lower_case = false;    // of all letters that have one
  bool number_words = false;  // "none" and "zero" to "ten" become digits
  bool articles = false;      // removes the words "a", "an" and "the"
  bool contractions =
      false;                // puts the apostrophe that is missing into words such as "dont" and "couldn'tve"
  bool whitespace = false;  // each run of it becomes one space, and there is none at the ends

  /// The three steps that look at words also do what `whitespace` does.
  bool splits_words() const { return number_words || articles || contractions || whitespace; }
};

/// The answer after the steps. Bytes that are not UTF-8 are kept.
std::string normal_answer(std::string_view text, const AnswerSteps& steps);

/// Replaces line breaks and tabs by spaces.
std::string on_one_line(std::string_view text);

}  // namespace flam
