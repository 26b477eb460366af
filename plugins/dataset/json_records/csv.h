#pragma once
#include "plugins/dataset/shared/source_file.h"

namespace flam {

/// Reads comma-separated values (RFC 4180; lines may end in \n or \r\n, blank lines are left out). The first
/// line names the columns. Each further record is passed as an object of texts, without its empty cells.
/// Error: a record has another number of cells than there are columns, a quote is not closed or in the middle
/// of a cell, a column has no name or that of another one, or the text is not UTF-8.
void read_csv(const SourceFile& file, char delimiter, const TakeRecord& take);

}  // namespace flam
