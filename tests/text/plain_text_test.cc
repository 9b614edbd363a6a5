#include "sidecar/text/plain_text.h"

#include <catch2/catch.hpp>

namespace plain_text_test {

using namespace herald;

TEST_CASE("what is fit for a terminal stays as it is") {
  CHECK(printable("").empty());
  CHECK(printable(R"(200 in 1.2 ms; "ok" \n)") == R"(200 in 1.2 ms; "ok" \n)");
  CHECK(printable("Grüße, 東京, \U0001F600") == "Grüße, 東京, \U0001F600");
}

TEST_CASE("what could steer a terminal, or hide, is shown as an escape") {
  CHECK(printable("a\nb\r\tc") == R"(a\nb\r\tc)");
  CHECK(printable("\x1b[2Jgone\x07\x7f") == R"(\x1b[2Jgone\x07\x7f)");
  CHECK(printable(std::string_view("a\0b", 3)) == R"(a\x00b)");
  CHECK(printable("\u009b31m") == R"(\u009b31m)");  // CSI in one character
  CHECK(printable("\u202Eevil\u200b\u2028\ufeff") == R"(\u202eevil\u200b\u2028\ufeff)");
  CHECK(printable("\U000E0041") == R"(\ue0041)");
}

TEST_CASE("bytes that are no UTF-8 are shown one by one") {
  CHECK(printable("\xff\xfe") == R"(\xff\xfe)");
  CHECK(printable("\xc3") == R"(\xc3)");                          // cut short
  CHECK(printable("\xc0\xaf") == R"(\xc0\xaf)");                  // overlong
  CHECK(printable("\xe0\x80\xaf") == R"(\xe0\x80\xaf)");          // overlong
  CHECK(printable("\xed\xa0\x80") == R"(\xed\xa0\x80)");          // surrogate
  CHECK(printable("\xf4\x90\x80\x80") == R"(\xf4\x90\x80\x80)");  // beyond Unicode
  CHECK(printable("\xc3(") == R"(\xc3()");
}

TEST_CASE("what Unicode calls a format character or has not assigned is shown as an escape") {
  CHECK(printable("a\u00adb\u180ec\u2066d") == R"(a\u00adb\u180ec\u2066d)");
  CHECK(printable("\ufff9x") == R"(\ufff9x)");
  CHECK(printable("\u0378") == R"(\u0378)");
}

TEST_CASE("of a long text the beginning is shown, and no escape is cut in two") {
  CHECK(printable("1234567890", 5) == "12345...");
  CHECK(printable("12345", 5) == "12345");
  CHECK(printable("1234\u00e9", 5) == "1234\u00e9");
  CHECK(printable("1234\x1b[2J", 7) == "1234...");
  CHECK(printable("1234\x1b[2J", 8) == R"(1234\x1b...)");
  CHECK(printable("東京都", 5) == "東京...");
  CHECK(printable("", 5).empty());
}

TEST_CASE("a character is as wide as a terminal shows it") {
  CHECK(columns("Grüße") == 5);
  CHECK(columns("Gru\u0308ße") == 5);  // the dots are a character of their own
  CHECK(columns("東京") == 4);
  CHECK(columns("\U0001F600") == 2);
  CHECK(columns("\xff\xfe") == 2);
  CHECK(columns("") == 0);
}

TEST_CASE("marks without a width make no line without an end") {
  std::string marks = "e";
  for (int i = 0; i < 1000; ++i) marks += "\u0301";
  CHECK(columns(marks) == 1);
  CHECK(start_of(marks, 10).size() == 1 + 10 * 2);
  CHECK(cut(marks, 10).size() == 1 + 7 * 2 + 3);
  CHECK(printable(marks, 10).size() == 1 + 10 * 2 + 3);
}

TEST_CASE("text is cut at whole characters") {
  CHECK(start_of("e\u0301e", 1) == "e\u0301");
  CHECK(start_of("東京", 3) == "東");
  CHECK(cut("東京都", 5) == "東...");
  CHECK(cut("東京", 4) == "東京");
  CHECK(cut("Grüße", 5) == "Grüße");
  CHECK(cut("Grüße, alle", 6) == "Grü...");
  CHECK(cut("abcdef", 3) == "...");
  CHECK(cut("abcdef", 2) == "..");
  CHECK(cut("abcdef", 0).empty());
}

}  // namespace plain_text_test
