#pragma once
/// Marks what crosses a library border; everything else is hidden.
#define FLAM_API __attribute__((visibility("default")))
