# Fails when an include breaks the rules of the folders (README, "Design"). Linking cannot see includes.
#   cmake -DROOT=... -P rules_test.cmake
cmake_minimum_required(VERSION 3.25)

set(broken "")

# check(FOLDER GLOBS... ALLOWED regex...): every #include of these files matches one of the expressions.
function(check folder)
  cmake_parse_arguments(rule "" "" "FILES;ALLOWED" ${ARGN})
  set(files "")
  foreach(pattern IN LISTS rule_FILES)
    file(GLOB found ${ROOT}/${pattern})
    list(APPEND files ${found})
  endforeach()
  if(NOT files)
    set(broken "${broken}\n${folder}: no files match ${rule_FILES}; the rule checks nothing" PARENT_SCOPE)
    return()
  endif()
  set(found_broken "${broken}")
  foreach(file IN LISTS files)
    file(STRINGS ${file} includes REGEX "^[ \t]*#[ \t]*include")
    foreach(line IN LISTS includes)
      string(REGEX REPLACE "^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"]+)[>\"].*" "\\1" header "${line}")
      set(allowed FALSE)
      foreach(expression IN LISTS rule_ALLOWED)
        if(header MATCHES "^(${expression})$")
          set(allowed TRUE)
        endif()
      endforeach()
      if(NOT allowed)
        file(RELATIVE_PATH shown ${ROOT} ${file})
        string(APPEND found_broken "\n${shown}: includes ${header}, which ${folder} must not know")
      endif()
    endforeach()
  endforeach()
  set(broken "${found_broken}" PARENT_SCOPE)
endfunction()

set(std "[a-z_]+")  # <vector>; C headers have a suffix and system headers a slash
set(fmt "fmt/[a-z]+\\.h")
set(core "sidecar/core/[a-z_]+\\.h")
set(json "nlohmann/[a-z_]+\\.hpp")
set(reader "sidecar/(json_reader|json_document|duration|near_name|address)\\.h")
set(shell "sidecar/(loop|fd|process)\\.h")
set(system "([a-z]+/)*[a-z0-9_]+\\.h")  # <sys/socket.h>, <curl/curl.h>: named below where it matters

check("sidecar/core" FILES "sidecar/core/*" ALLOWED "${std}" "${fmt}" "${core}")
check("config_file" FILES "sidecar/config_*" "sidecar/json_*"
      ALLOWED "${std}" "${fmt}" "${core}" "${json}" "${reader}" "sidecar/config_[a-z]+\\.h"
              "fcntl\\.h" "unistd\\.h" "(sys|arpa|netinet|net)/[a-z_]+\\.h" "sidecar/fd\\.h")
check("report" FILES "sidecar/report*" "sidecar/history_entry.*"
      ALLOWED "${std}" "${fmt}" "${core}" "${json}" "${reader}" "sidecar/(report|history_entry|plain_text)\\.h")
check("doctor" FILES "sidecar/doctor_*"
      ALLOWED "${std}" "${fmt}" "${core}" "sidecar/(doctor_[a-z]+|ctl_text|plain_text)\\.h")
check("varlink" FILES "sidecar/varlink.*" "sidecar/varlink_service.*" "sidecar/plain_text.*"
      ALLOWED "${std}" "${fmt}" "${json}" "sidecar/(varlink|varlink_service|plain_text)\\.h" "sys/types\\.h")
check("sidecar/announce" FILES "sidecar/announce/*"
      ALLOWED "${std}" "${fmt}" "${json}" "${reader}" "${shell}" "sidecar/netlink\\.h" "sidecar/announce/[a-z_]+\\.h"
              "sidecar/core/(types|config|policy|reconcile|route_plan|route_step|router_facts|router_view|service)\\.h"
              "sys/[a-z]+\\.h" "fcntl\\.h" "fnmatch\\.h")
check("probes" FILES "probes/*.h" "probes/*.cc"
      ALLOWED "${std}" "${fmt}" "${json}" "${reader}" "${shell}" "probes/[a-z_]+\\.h" "sidecar/core/(types|config)\\.h"
              "(curl|ldns|re2|openssl)/[a-z0-9_]+\\.h" "ares\\.h" "(sys|arpa|netinet|net|linux)/[a-z_]+\\.h"
              "(fcntl|unistd|netdb|signal|poll)\\.h")
check("tests/sim" FILES "tests/sim/*.h" "tests/sim/*.cc"
      ALLOWED "${std}" "${fmt}" "${core}" "catch2/catch\\.hpp" "tests/sim/[a-z_]+\\.h")

# No probe knows another: what they share has a header, and a probe has none.
file(GLOB probe_headers ${ROOT}/probes/*_probe.h)
foreach(header IN LISTS probe_headers)
  string(APPEND broken "\n${header}: a probe is one .cc with a row in the registry and no header")
endforeach()

if(broken)
  message(FATAL_ERROR "include rules are broken:${broken}")
endif()
message(STATUS "include rules hold")
