#include "sidecar/text/plain_text.h"

#include <catch2/catch.hpp>

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

TEST_CASE("text is cut at whole characters") {
  CHECK(columns("Grüße") == 5);
  CHECK(cut("Grüße", 5) == "Grüße");
  CHECK(cut("Grüße, alle", 6) == "Grü...");
  CHECK(cut("abcdef", 3) == "...");
  CHECK(cut("abcdef", 2) == "..");
  CHECK(cut("abcdef", 0).empty());
}
