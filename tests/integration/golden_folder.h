#pragma once
// Folders of stored references as transformers gives them: Hugging Face model folders, prompt cases, chat
// texts and pixels (fixtures laid out like tests/golden/llava_tiny).

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace flam::test {

/// Gets the name of a case and what is wrong with it; "" if nothing.
using CaseSink = std::function<void(const std::string& name, const std::string& problem)>;

/// The Hugging Face model folders in `folder`, sorted; none if it is laid out otherwise.
std::vector<std::filesystem::path> model_folders(const std::filesystem::path& folder);

/// The cases of one model: stems of NAME.json with NAME.safetensors beside them that hold prompts or
/// messages, and whose `model`, if they have one, is the name of this model's folder.
std::vector<std::string> cases_of_model(const std::filesystem::path& folder,
                                        const std::filesystem::path& model);

/// The conversations of FOLDER/chat.json beside the texts of the task head that the importer chooses for each
/// template. Requests are made from their JSON.
void check_chat_texts(const std::filesystem::path& folder, const CaseSink& sink);

/// The crops of FOLDER/pixels.safetensors (KEY.crop.uint8) beside those of the model's transforms at the same
/// size, bit for bit.
void check_crops(const std::filesystem::path& folder, const std::filesystem::path& model,
                 const CaseSink& sink);

}  // namespace flam::test
