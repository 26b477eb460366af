// Opcodes as in CPython's Lib/pickletools.py.
#include "framework/weights/formats/unpickler.h"

#include <bit>
#include <map>

#include "framework/base/text.h"
#include "framework/weights/formats/unpickler_bytes.h"
#include "framework/weights/formats/unpickler_globals.h"

namespace flam::pickle {

namespace {

constexpr size_t kMaxObjects = 2'000'000;
constexpr size_t kMaxDimensions = 8;  // limited because a pickle can repeat a shape with a few bytes
constexpr int kMaxDepth = 64;

class Machine {
 public:
  Machine(std::string_view bytes, const Fail& fail) : bytes_(bytes, fail) {}

  Pickle run() {
    if (bytes_.take(1) != "\x80") fail("does not start with a protocol number");
    const uint64_t protocol = bytes_.number(1);
    if (protocol < 2 || protocol > 5) fail(cat("pickle protocol ", protocol, ", expected 2 to 5"));
    for (unsigned char opcode = bytes_.opcode(); opcode != '.'; opcode = bytes_.opcode()) step(opcode);
    pickle_.root = pop();
    if (!stack_.empty() || !marks_.empty()) fail("objects are left over at the end");
    return std::move(pickle_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { bytes_.fail(why); }

  // The stack.
  template <class T>
  void push(T value, int depth = 0) {
    if (pickle_.objects.size() >= kMaxObjects) fail(cat("more than ", kMaxObjects, " objects"));
    pickle_.objects.push_back({std::move(value), depth});
    stack_.push_back(static_cast<Id>(pickle_.objects.size() - 1));
  }
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Id pop() {
    if (stack_.size() <= floor()) fail("takes more objects than there are");
    const Id id = stack_.back();
    stack_.pop_back();
    return id;
  }
  Id top() const {
    if (stack_.size() <= floor()) fail("takes more objects than there are");
    return stack_.back();
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

  Object& object(Id id) { return pickle_.objects[id]; }
  template <class T>
  T& expect(Id id, const char* what) {
    T* value = std::get_if<T>(&object(id).value);
    if (!value) fail(cat("expected ", what));
    return *value;
  }

  // Containers.
  void nest(Object& outer, Id inner) {
    outer.depth = std::max(outer.depth, object(inner).depth + 1);
    if (outer.depth > kMaxDepth) fail(cat("objects nested more than ", kMaxDepth, " deep"));
  }
  void push_tuple(std::vector<Id> items) {
    push(Sequence{std::move(items), true});
    for (const Id id : std::get<Sequence>(object(top()).value).items) nest(object(top()), id);
  }
  void append(const std::vector<Id>& items) {
    const Id target = top();
    auto& list = expect<Sequence>(target, "a list to append to");
    if (list.is_tuple) fail("appends to a tuple");
    for (const Id id : items) {
      nest(object(target), id);
      list.items.push_back(id);
    }
  }
  void set_items(const std::vector<Id>& items) {
    const Id target = top();
    auto& dict = expect<Dict>(target, "a dict to set items of");
    if (items.size() % 2 != 0) fail("a key without a value");
    for (size_t i = 0; i < items.size(); i += 2) {
      nest(object(target), items[i]);
      nest(object(target), items[i + 1]);
      dict.items.emplace_back(items[i], items[i + 1]);
    }
  }

  // The memo.
  void remember(uint64_t index) { memo_[index] = top(); }
  void recall(uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail(cat("recalls object ", index, ", which was not stored"));
    stack_.push_back(found->second);
  }

  // Names and what they build.
  void push_global() {
    const std::string_view module = bytes_.line();
    push_named(module, bytes_.line());
  }
  void push_stack_global() {
    const auto name = expect<std::string_view>(pop(), "a text as name");
    push_named(expect<std::string_view>(pop(), "a text as module"), name);
  }
  void push_named(std::string_view module, std::string_view name) {
    const auto known = find_global(module, name);
    if (!known) {
      fail(cat("the file wants ", quoted(cat(module, ".", name)),
               ", which is not data; only tensors, OrderedDict and plain values are read. If you trust the "
               "file, save its "
               "tensors alone: torch.save(torch.load(FILE, weights_only=False)['state_dict'], NEW)"));
    }
    std::visit([this](auto value) { push(value); }, *known);
  }
  void reduce() {
    const auto& arguments = expect<Sequence>(pop(), "a tuple of arguments").items;  // valid until a push
    const Global* callee = std::get_if<Global>(&object(pop()).value);
    if (!callee) fail("REDUCE calls an object that is not a known function");
    switch (*callee) {
      case Global::ordered_dict:
        if (!arguments.empty()) fail("OrderedDict with arguments");
        push(Dict{{}, true});
        break;
      case Global::rebuild_tensor:
        push(tensor(arguments));
        break;
      case Global::rebuild_parameter:  // (tensor, requires_grad, hooks)
        if (arguments.size() != 3) fail("_rebuild_parameter without its 3 arguments");
        push(Tensor(expect<Tensor>(arguments[0], "a tensor in _rebuild_parameter")));
    }
  }
  /// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata]).
  Tensor tensor(const std::vector<Id>& arguments) {
    if (arguments.size() != 6 && arguments.size() != 7) fail("_rebuild_tensor_v2 without its 6 arguments");
    return {expect<Storage>(arguments[0], "a storage in _rebuild_tensor_v2"),
            expect<int64_t>(arguments[1], "a whole number as offset"), integers(arguments[2]),
            integers(arguments[3])};
  }
  std::vector<int64_t> integers(Id id) {
    const auto& items = expect<Sequence>(id, "a tuple of whole numbers").items;
    if (items.size() > kMaxDimensions)
      fail(cat("a tensor of ", items.size(), " dimensions; at most ", kMaxDimensions));
    std::vector<int64_t> values;
    values.reserve(items.size());
    for (const Id item : items) values.push_back(expect<int64_t>(item, "a whole number"));
    return values;
  }
  void persistent_id() {
    const auto& parts = expect<Sequence>(pop(), "a tuple as persistent id").items;
    if (parts.size() != 5 || expect<std::string_view>(parts[0], "a text") != "storage") {
      fail("a persistent id that is not ('storage', type, key, location, count)");
    }
    push(Storage{expect<StorageType>(parts[1], "a storage type").dtype,
                 expect<std::string_view>(parts[2], "a storage key"),
                 expect<int64_t>(parts[4], "a whole number of elements")});
  }
  /// torch.save gives state dicts an attribute `_metadata` (versions of modules), which is ignored. No other
  /// object may have attributes.
  void build() {
    pop();
    const Dict* dict = std::get_if<Dict>(&object(top()).value);
    if (!dict || !dict->ordered) fail("BUILD on an object that is not an OrderedDict");
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
      case 'Q': persistent_id(); break;
      case 'b': build(); break;
      default: fail(cat("opcode ", opcode_name(opcode), " is not allowed: only plain data is read"));
    }
  }
  // clang-format on

  Bytes bytes_;
  Pickle pickle_;
  std::vector<Id> stack_;
  std::vector<size_t> marks_;
  std::map<uint64_t, Id> memo_;  // not a hash table, because a file could choose keys that collide
};

}  // namespace

Pickle read(std::string_view bytes, const Fail& fail) {
  return Machine(bytes, fail).run();
}

}  // namespace flam::pickle
