#pragma once
// The registry of component types, which builds components from config nodes.
//
// A Registry is an object, not a global variable. Plugins fill it through a Registrar. A library with a
// manifest is listed from it, and loaded when one of its components is first used.

#include <concepts>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <vector>

#include "framework/params/params.h"
#include "framework/plugin/library.h"
#include "framework/registry/component.h"

namespace flam {

/// One registered component type.
struct ComponentType {
  std::string kind, name, doc;
  std::filesystem::path origin;  // the library
  std::shared_ptr<void> (*make_params)() = nullptr;
  void (*visit)(void* params, ParamVisitor&) = nullptr;
  /// `input` points to the slot's Input struct; `weights` may be null for kinds without weights.
  std::unique_ptr<Component> (*construct)(const void* params, const void* input,
                                          WeightScope* weights) = nullptr;
};

/// Collects the component types of a plugin in its FLAM_PLUGIN block.
///
/// A component class T derives from a slot class (Resampler, …) with `static constexpr const char* kKind` and
/// `struct Input`. T is constructed as T(params, input, weights), T(params, input) or T(params), whichever
/// exists.
class FLAM_API Registrar {
 public:
  explicit Registrar(std::filesystem::path origin) : origin_(std::move(origin)) {}

  template <class T, class P>
  void add(const char* name, const char* doc = "") {
    static_assert(
        std::derived_from<T, Component>,
        "registrar.add<COMPONENT, PARAMS>(name, doc): the first type must be a component, a class that "
        "derives from Resampler, LanguageDecoder or another kind");
    static_assert(
        requires(P & params, ParamVisitor & visitor) { params.visit(visitor); },
        "registrar.add<COMPONENT, PARAMS>(name, doc): the second type must be the component's "
        "parameters, a struct with `void visit(ParamVisitor&)`");
    static_assert(
        !std::is_abstract_v<T>,
        "registrar.add<COMPONENT, PARAMS>(name, doc): the component must override every pure virtual "
        "function of its kind");
    using Input = typename T::Input;
    ComponentType type;
    type.kind = T::kKind;
    type.name = name;
    type.doc = doc;
    type.make_params = [] { return std::shared_ptr<void>(std::make_shared<P>()); };
    type.visit = [](void* p, ParamVisitor& v) { static_cast<P*>(p)->visit(v); };
    type.construct = [](const void* p, const void* in,
                        [[maybe_unused]] WeightScope* w) -> std::unique_ptr<Component> {
      const P& params = *static_cast<const P*>(p);
      [[maybe_unused]] const Input& input = *static_cast<const Input*>(in);
      if constexpr (std::constructible_from<T, const P&, const Input&, WeightScope&>) {
        return std::make_unique<T>(params, input, *w);
      } else if constexpr (std::constructible_from<T, const P&, const Input&>) {
        return std::make_unique<T>(params, input);
      } else {
        return std::make_unique<T>(params);
      }
    };
    add_type(std::move(type));
  }

  void add_type(ComponentType type);
  std::vector<ComponentType> take() { return std::move(types_); }

 private:
  std::filesystem::path origin_;
  std::vector<ComponentType> types_;
};

/// A config node that names a component, parsed and checked but not built: {type: NAME, params…}.
class FLAM_API ComponentConfig {
 public:
  const ComponentType* type = nullptr;  // null: absent or in error
  std::shared_ptr<void> params;
  Location where;

  explicit operator bool() const { return type != nullptr; }
  /// "resampler 'perceiver'"
  std::string label() const;
  /// {type: …, all parameters with their values}
  Value resolved() const;
};

class FLAM_API Registry {
 public:
  /// Creates an empty registry. scan() fills it with the libraries of folders.
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// Lists every library in the folders. Those with a manifest are loaded on first use, the others now.
  /// Libraries that can't be loaded are recorded in problems(); nothing is thrown.
  void scan(const std::vector<std::filesystem::path>& folders);
  /// Loads one library now. Error: it can't be loaded.
  void load(const std::filesystem::path& library);
  /// Adds a type without a library (tests, applications that embed the framework).
  void add(ComponentType type);

  struct Listed {
    std::string kind, name, doc;
    std::filesystem::path origin;
    bool loaded = false;
  };
  std::vector<Listed> list(const std::string& kind = "") const;  // sorted by kind and name
  struct Problem {
    std::filesystem::path library;
    std::string message;
  };
  std::vector<Problem> problems() const;  // a copy, because other threads may add to them
  std::vector<FoundLibrary> libraries() const;

  /// Returns the type, and loads its library if necessary. Error: the type is unknown (with a suggestion and
  /// the problems of libraries that could not be loaded), or two libraries have the same kind and name (with
  /// both paths).
  const ComponentType& find(const std::string& kind, const std::string& name, const Location& where = {});

  /// Parses {type: NAME, …}. Adds every error to `errors`; the result is empty then. Nested components (see
  /// component() in params.h) are parsed too; their maps in the parameters get the default values.
  ComponentConfig parse(const std::string& kind, const Value& node, ErrorList& errors);

  /// Builds the component. Error or RunError: its constructor throws; the message names the component and its
  /// place in the config.
  template <class Slot>
  std::unique_ptr<Slot> build(const ComponentConfig& config, const typename Slot::Input& input,
                              WeightScope* weights = nullptr) const {
    return std::unique_ptr<Slot>(
        static_cast<Slot*>(construct(Slot::kKind, config, &input, weights).release()));
  }

 private:
  std::unique_ptr<Component> construct(const std::string& kind, const ComponentConfig& config,
                                       const void* input, WeightScope* weights) const;
  struct State;
  std::unique_ptr<State> state_;
};

/// The kinds that a config can name, in the order in which data passes through them.
FLAM_API const std::vector<std::string>& component_kinds();

}  // namespace flam
