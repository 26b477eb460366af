// Opcodes as in CPython's Lib/pickletools.py.
#include "framework/weights/formats/unpickler.h"

#include <bit>
#include <map>

#include "framework/base/text.h"
#include "framework/weights/formats/unpickler_bytes.h"
#include "framework/weights/formats/unpickler_globals.h"
#include "framework/weights/formats/unpickler_objects.h"

namespace flam::pickle {

namespace {

constexpr size_t kMaxPickle = 64 << 20;  // bytes

class Machine {
 public:
  Machine(std::string_view bytes, const Fail& fail, StorageIds ids)
      : bytes_(bytes, fail), objects_(bytes_, ids) {}

  Pickle run() {
    if (bytes_.take(1) != "\x80") fail("does not start with a protocol number");
    const uint64_t protocol = bytes_.number(1);
    if (protocol < 2 || protocol > 5) fail(cat("pickle protocol ", protocol, ", expected 2 to 5"));
    for (unsigned char opcode = bytes_.opcode(); opcode != '.'; opcode = bytes_.opcode()) {
      step(opcode);
      if (bytes_.position() > kMaxPickle) fail(cat("a pickle of more than ", kMaxPickle, " bytes"));
    }
    const Id root = pop();
    if (!stack_.empty() || !marks_.empty()) fail("objects are left over at the end");
    return {objects_.take(), root, bytes_.position()};
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { bytes_.fail(why); }

  // The stack.
  void push_id(Id id) { stack_.push_back(id); }
  template <class T>
  void push(T value) {
    push_id(objects_.add(std::move(value)));
  }
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Id top() const {
    if (stack_.size() <= floor()) fail("takes more objects than there are");
    return stack_.back();
  }
  Id pop() {
    const Id id = top();
    stack_.pop_back();
    return id;
  }
  std::vector<Id> pop_to_mark() {
    if (marks_.empty()) fail("ends a group that was not begun");
    std::vector<Id> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  std::vector<Id> pop_some(size_t count) {
    std::vector<Id> items(count);
    for (size_t i = count; i > 0; --i) items[i - 1] = pop();
    return items;
  }

  void push_tuple(std::vector<Id> items) { push_id(objects_.add_tuple(std::move(items))); }
  void append(const std::vector<Id>& items) { objects_.append(top(), items); }
  void set_items(const std::vector<Id>& items) { objects_.set_items(top(), items); }

  // The memo.
  void remember(uint64_t index) { memo_[index] = top(); }
  void recall(uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail(cat("recalls object ", index, ", which was not stored"));
    push_id(found->second);
  }

  // Names and what they build.
  void push_global() {
    const std::string_view module = bytes_.line();
    push_id(objects_.add_named(module, bytes_.line()));
  }
  void push_stack_global() {
    const auto name = objects_.expect<std::string_view>(pop(), "a text as name");
    push_id(objects_.add_named(objects_.expect<std::string_view>(pop(), "a text as module"), name));
  }
  void reduce() {
    const Id arguments = pop();
    push_id(objects_.call(pop(), arguments));
  }
  void new_object() {
    const Id arguments = pop();
    push_id(objects_.make(pop(), arguments));
  }
  void build() {
    const Id state = pop();
    objects_.set_state(top(), state);
  }

  void check_frame() {
    if (bytes_.number(8) > bytes_.left()) fail("a frame longer than the file");
  }
  int64_t long_integer() {
    const uint64_t size = bytes_.number(1);
    if (size > 8) fail("a whole number of more than 64 bits");
    if (size == 0) return 0;
    const uint64_t raw = bytes_.number(static_cast<int>(size));
    const int unused = static_cast<int>(64 - 8 * size);
    return static_cast<int64_t>(raw << unused) >> unused;
  }

  // clang-format off
  void step(unsigned char opcode) {
    switch (opcode) {
      case 0x95: check_frame(); break;
      case 'N': push(None{}); break;
      case 0x88: push(true); break;
      case 0x89: push(false); break;
      case 'J': push(int64_t{static_cast<int32_t>(bytes_.number(4))}); break;
      case 'K': push(static_cast<int64_t>(bytes_.number(1))); break;
      case 'M': push(static_cast<int64_t>(bytes_.number(2))); break;
      case 0x8a: push(long_integer()); break;
      case 'G': push(std::bit_cast<double>(__builtin_bswap64(bytes_.number(8)))); break;
      case 'X': case 'T': case 'B': push(bytes_.take(bytes_.number(4))); break;
      case 0x8c: case 'U': case 'C': push(bytes_.take(bytes_.number(1))); break;
      case 0x8d: case 0x8e: push(bytes_.take(bytes_.number(8))); break;
      case '(': marks_.push_back(stack_.size()); break;
      case ')': push_tuple({}); break;
      case 't': push_tuple(pop_to_mark()); break;
      case 0x85: push_tuple(pop_some(1)); break;
      case 0x86: push_tuple(pop_some(2)); break;
      case 0x87: push_tuple(pop_some(3)); break;
      case ']': push(Sequence{{}, false}); break;
      case 'a': append(pop_some(1)); break;
      case 'e': append(pop_to_mark()); break;
      case '}': push(Dict{}); break;
      case 's': set_items(pop_some(2)); break;
      case 'u': set_items(pop_to_mark()); break;
      case 'q': remember(bytes_.number(1)); break;
      case 'r': remember(bytes_.number(4)); break;
      case 0x94: remember(memo_.size()); break;
      case 'h': recall(bytes_.number(1)); break;
      case 'j': recall(bytes_.number(4)); break;
      case 'c': push_global(); break;
      case 0x93: push_stack_global(); break;
      case 'R': reduce(); break;
      case 0x81: new_object(); break;
      case 'Q': push_id(objects_.add_storage(pop())); break;
      case 'b': build(); break;
      default: fail(cat("opcode ", opcode_name(opcode), " is not allowed: only plain data is read"));
    }
  }
  // clang-format on

  Bytes bytes_;
  Objects objects_;
  std::vector<Id> stack_;
  std::vector<size_t> marks_;
  std::map<uint64_t, Id> memo_;  // not a hash table, because a file could choose keys that collide
};

}  // namespace

Pickle read(std::string_view bytes, const Fail& fail, StorageIds ids) {
  return Machine(bytes, fail, ids).run();
}

}  // namespace flam::pickle
