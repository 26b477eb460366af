#include "framework/report/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::ElementsAre;
using Row = std::vector<std::string>;

std::vector<Row> rows_of(const std::string& text) {
  std::istringstream in(text);
  CsvReader reader(in, "file.csv");
  std::vector<Row> rows;
  for (Row row; reader.next(row);) rows.push_back(row);
  return rows;
}

TEST(Csv, QuotesFieldsThatNeedIt) {
  EXPECT_EQ(csv_row({"plain", "", "a b"}), "plain,,a b\r\n");
  EXPECT_EQ(csv_row({"a,b", "say \"hi\"", "two\nlines", "\r"}),
            "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"\r\"\r\n");
}

TEST(Csv, ReadsWhatItWrites) {
  const std::vector<Row> rows = {
      {"id", "text"}, {"a,\"b\"", "\r\n\"\""}, {"", ""}, {"漢\xff", "\x01 '"}, {"\"", ","}};
  std::string text;
  for (const Row& row : rows) text += csv_row(row);
  EXPECT_EQ(rows_of(text), rows);
}

TEST(Csv, ReadsEveryLineEnd) {
  const auto rows = rows_of("a,b\nc,d\r\n\"e\",f");
  EXPECT_THAT(rows, ElementsAre(Row{"a", "b"}, Row{"c", "d"}, Row{"e", "f"}));
  EXPECT_TRUE(rows_of("").empty());
}

TEST(Csv, TellsWhereARowIs) {
  std::istringstream in("a\n\"two\nlines\"\r\nb\n");
  CsvReader reader(in, "file.csv");
  Row row;
  for (const auto& [line, begin, end] : {std::tuple(1, 0, 2), std::tuple(2, 2, 15), std::tuple(4, 15, 17)}) {
    ASSERT_TRUE(reader.next(row));
    EXPECT_EQ(reader.where().line, line);
    EXPECT_EQ(reader.begin(), begin);
    EXPECT_EQ(reader.end(), end);
  }
}

TEST(Csv, RefusesWrongQuotes) {
  EXPECT_EQ(error_of([] { rows_of("a\nb\"c\n"); }),
            "file.csv:2: a field that contains quotes must be quoted, and its quotes doubled");
  EXPECT_EQ(error_of([] { rows_of("\"a\"b\n"); }),
            "file.csv:1: a field that contains quotes must be quoted, and its quotes doubled");
  EXPECT_EQ(error_of([] { rows_of("a\n\"b\n\n"); }), "file.csv:2: the file ends within a quoted field");
}

}  // namespace
}  // namespace flam
