#pragma once
/// Marks what a library exports; everything else is hidden.
#define FLAM_API __attribute__((visibility("default")))
