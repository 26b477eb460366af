#include "framework/recipe/picture_config.h"

#include <algorithm>

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/params/params.h"

namespace flam {
namespace {

struct PictureParams {
  Value background;  // null, or a list of three integers
  DecodeOptions::Orientation orientation = DecodeOptions::Orientation::apply;

  void visit(ParamVisitor& v) {
    v("background", background,
      "[red, green, blue], 0 to 255, that shows where a picture is transparent; null: alpha is dropped, and "
      "what "
      "lies under it shows");
    v("orientation", orientation,
      "apply: a picture is turned as its file says (EXIF in JPEG, PNG, WebP, TIFF); ignore: its pixels are "
      "taken "
      "as they are stored",
      choices("apply", "ignore"));
  }
};

bool is_colour(const Value& value) {
  const auto in_range = [](const Value& part) {
    return part.is_int() && part.as_int() >= 0 && part.as_int() <= 255;
  };
  return value.is_list() && value.as_list().size() == 3 && std::ranges::all_of(value.as_list(), in_range);
}

}  // namespace

DecodeOptions parse_pictures(const Value& node, ErrorList& errors) {
  PictureParams params;
  read_params(ParamsRef(params), node, "`pictures`", {}, errors);
  DecodeOptions options;
  options.orientation = params.orientation;
  if (params.background.is_null()) return options;
  if (!is_colour(params.background)) {
    errors.add(params.background.where(), cat("`pictures`: 'background' must be null or [red, green, blue], "
                                              "each an integer from 0 to 255; found ",
                                              params.background.is_list() ? write_json(params.background)
                                                                          : params.background.describe()));
    return options;
  }
  options.background.emplace();
  std::ranges::transform(params.background.as_list(), options.background->begin(),
                         [](const Value& part) { return static_cast<uint8_t>(part.as_int()); });
  return options;
}

Value resolved_pictures(const DecodeOptions& options) {
  PictureParams params;
  params.orientation = options.orientation;
  if (options.background) {
    Value::List colour;
    for (const uint8_t part : *options.background) colour.emplace_back(int64_t{part});
    params.background = std::move(colour);
  }
  return write_params(ParamsRef(params));
}

Value pictures_schema() {
  PictureParams params;
  Value schema = schema_of_params(ParamsRef(params));
  schema.set("description", "how picture files become pixels");
  Value part = Value::map();
  part.set("type", "integer");
  part.set("minimum", 0);
  part.set("maximum", 255);
  Value& background = *schema.find("properties")->find("background");
  background.set("type", Value::List{"array", "null"});
  background.set("items", std::move(part));
  background.set("minItems", 3);
  background.set("maxItems", 3);
  return schema;
}

}  // namespace flam
