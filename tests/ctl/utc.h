// The pictures show local time: in these tests it is UTC.
#pragma once

#include <cstdlib>
#include <ctime>

struct Utc {
  Utc() {
    ::setenv("TZ", "UTC0", 1);
    ::tzset();
  }
};
