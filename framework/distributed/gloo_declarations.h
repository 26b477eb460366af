#pragma once
// The wheels of libtorch have the header of c10d::ProcessGroupGloo, but not the headers of Gloo that it
// includes. These declarations take their place. None of them affects the layout of a class: ProcessGroupGloo
// holds shared pointers to classes of Gloo and calls a few of their functions, which libtorch_cpu exports.
// Nothing here is instantiated or derived from.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

namespace transport {
class Device;
class UnboundBuffer;
}  // namespace transport

namespace rendezvous {
class Store {
 public:
  virtual ~Store();
  virtual void set(const std::string& key, const std::vector<char>& value) = 0;
  virtual std::vector<char> get(const std::string& key) = 0;
  virtual void wait(const std::vector<std::string>& keys) = 0;
  virtual void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) = 0;
};
}  // namespace rendezvous

}  // namespace gloo
