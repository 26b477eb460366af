#pragma once
// Parameters are declared once. A params struct has a member function `void visit(ParamVisitor& v)` that
// names each field:
//
//   void visit(ParamVisitor& v) {
//     v("depth", depth, "number of layers", at_least(1));
//     v("activation", activation, "of the feed-forward", choices("gelu", "quick_gelu"));   // enum or string
//     v("ckpt", file, "weights", required(), path());
//   }
//
// Parsing, checks, `flam inspect`, generated docs, the JSON Schema and resolved configs all use visit().

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "framework/config/value.h"

namespace flam {

/// The declaration of one parameter.
struct ParamInfo {
  std::string name;
  std::string doc;
  std::optional<double> minimum, maximum;
  bool minimum_exclusive = false;
  bool required = false;
  bool is_path = false;              // text that is a path relative to the folder of the file that names it
  std::string component_kind;        // for a Value: a nested component {type: NAME, …} of this kind
  std::vector<std::string> choices;  // for an enum or text
};

// Rules; any number of them may follow the doc line.
struct ParamRule {
  void (*apply)(ParamInfo&, const ParamRule&);
  double a = 0, b = 0;
  std::vector<std::string> names;
};
FLAM_API ParamRule at_least(double minimum);
FLAM_API ParamRule more_than(double minimum);
FLAM_API ParamRule between(double minimum, double maximum);  // inclusive
/// Upper bound of widths, counts and lengths: products of two stay far below 63 bits.
inline constexpr double kMostOfASize = 1 << 24;
FLAM_API ParamRule required();
FLAM_API ParamRule path();
/// For a Value: a component of `kind`, kept as a tree for Registry::parse. Null if there is none.
FLAM_API ParamRule component(const char* kind);
template <class... Names>
ParamRule choices(Names... names) {
  return {[](ParamInfo& info, const ParamRule& rule) { info.choices = rule.names; },
          0,
          0,
          {std::string(names)...}};
}

/// Called with every parameter of a struct. There is one implementation for reading, writing and documenting.
class FLAM_API ParamVisitor {
 public:
  virtual ~ParamVisitor();

  template <class T, class... Rules>
  void operator()(const char* name, T& field, const char* doc, const Rules&... rules) {
    ParamInfo info{name, doc};
    (rules.apply(info, rules), ...);
    if constexpr (std::is_enum_v<T>) {  // choices() are the names of 0, 1, 2 …
      int64_t index = static_cast<int64_t>(field);
      enumeration(info, index);
      field = static_cast<T>(index);
    } else if constexpr (requires { field.visit(*this); }) {  // a nested struct of parameters
      begin_group(info);
      field.visit(*this);
      end_group();
    } else {
      parameter(info, field);
    }
  }

 protected:
  virtual void parameter(const ParamInfo&, bool&) = 0;
  virtual void parameter(const ParamInfo&, int64_t&) = 0;
  virtual void parameter(const ParamInfo&, double&) = 0;
  virtual void parameter(const ParamInfo&, std::string&) = 0;
  virtual void parameter(const ParamInfo&, std::optional<int64_t>&) = 0;  // null: not set
  virtual void parameter(const ParamInfo&, std::optional<double>&) = 0;
  virtual void parameter(const ParamInfo&, std::vector<int64_t>&) = 0;
  virtual void parameter(const ParamInfo&, std::vector<double>&) = 0;
  virtual void parameter(const ParamInfo&, std::vector<std::string>&) = 0;
  virtual void parameter(const ParamInfo&, Value&) = 0;  // any tree, kept as it is
  virtual void enumeration(const ParamInfo&, int64_t& index) = 0;
  virtual void begin_group(const ParamInfo&) = 0;
  virtual void end_group() = 0;
};

/// The documentation of one parameter.
struct ParamDoc {
  ParamInfo info;
  std::string type;  // "bool", "int", "float", "string", "path", "enum", "int or null", "list of int", "any",
                     // "group", "resampler"
  Value default_value;
  std::vector<ParamDoc> members;  // of a group
};

/// A reference to anything that has visit(), with its type erased.
class FLAM_API ParamsRef {
 public:
  template <class P>
  explicit ParamsRef(P& params)
      : object_(&params), visit_([](void* p, ParamVisitor& v) { static_cast<P*>(p)->visit(v); }) {}
  ParamsRef(void* object, void (*visit)(void*, ParamVisitor&)) : object_(object), visit_(visit) {}
  void visit(ParamVisitor& v) const { visit_(object_, v); }

 private:
  void* object_;
  void (*visit_)(void*, ParamVisitor&);
};

/// Fills `params` from the map `node`. `owner` is its name in messages ("resampler 'perceiver'"). Keys in
/// `also_known` are left to the caller ("type"). Every error of the node is added to `errors`: an unknown key
/// (with a suggestion and the known keys), a wrong type, a value out of range or not among the choices, or a
/// missing required parameter.
FLAM_API void read_params(ParamsRef params, const Value& node, const std::string& owner,
                          const std::vector<std::string>& also_known, ErrorList& errors);

/// The parameters' current values as a map, in the order declared, with absolute paths.
FLAM_API Value write_params(ParamsRef params);

FLAM_API std::vector<ParamDoc> document_params(ParamsRef params);

/// JSON Schema (draft 2020-12) of the parameters' map, as a tree.
FLAM_API Value schema_of_params(ParamsRef params);

}  // namespace flam
