#pragma once
#include <mutex>

#include "framework/session/media_encoder.h"
#include "framework/session/session.h"

namespace flam {

struct Session::State {
  std::unique_ptr<Registry> registry;
  RunOptions options;
  RunConfig config;
  std::unique_ptr<TransformChain> transforms;
  std::unique_ptr<Model> model;
  std::unique_ptr<TaskHead> task_head;
  std::unique_ptr<MediaEncoder> media;
  std::unique_ptr<StepGraphs> graphs;  // null unless asked for
  std::once_flag idle_options_said;

  std::string setting() const;
};

}  // namespace flam
