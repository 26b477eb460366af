#pragma once
#include "framework/run/media_encoder.h"
#include "framework/run/session.h"

namespace flam {

struct Session::State {
  std::unique_ptr<Registry> registry;
  SessionOptions options;
  RunConfig config;
  std::unique_ptr<TransformChain> transforms;
  std::unique_ptr<Model> model;
  std::unique_ptr<TaskHead> task_head;
  std::unique_ptr<MediaEncoder> media;
  std::unique_ptr<StepGraphs> graphs;  // null unless asked for
};

}  // namespace flam
