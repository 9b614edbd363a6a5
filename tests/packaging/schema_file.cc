#include "tests/packaging/schema_places.h"

const char* schema::file() {
  return HERALD_SCHEMA;
}
