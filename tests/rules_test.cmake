# Fails when an include breaks the rules of the folders (sidecar/README.md), a source lies in a folder that has no row here, or a
# source has no test where its path says.
# Linking cannot see includes.
#   cmake -DROOT=... -P rules_test.cmake
cmake_minimum_required(VERSION 3.25)

set(broken "")
set(rooms "")

# room(FOLDER ALLOWED...): every #include of the sources that lie in FOLDER itself matches one of the expressions, or is of
# FOLDER. A folder's name stands for all its headers.
function(room folder)
  set(rooms "${rooms};${folder}" PARENT_SCOPE)
  set(found_broken "${broken}")
  file(GLOB files ${ROOT}/${folder}/*.h ${ROOT}/${folder}/*.cc)
  if(NOT files)
    string(APPEND found_broken "\n${folder}: has a row and no sources; the row checks nothing")
  endif()
  foreach(file IN LISTS files)
    file(STRINGS ${file} includes REGEX "^[ \t]*#[ \t]*include")
    foreach(line IN LISTS includes)
      string(REGEX REPLACE "^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"]+)[>\"].*" "\\1" header "${line}")
      set(allowed FALSE)
      foreach(expression IN LISTS ARGN ITEMS "${folder}/${name}")
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

set(name "[a-z0-9_]+\\.h")
set(std "[a-z0-9_]+")  # <vector>; C headers have a suffix and system headers a slash
set(fmt "fmt/[a-z]+\\.h")
set(json "nlohmann/[a-z_]+\\.hpp")
set(system "(sys|arpa|netinet|net|linux)/${name}" "(fcntl|unistd|netdb|signal|poll|fnmatch|pwd|grp|syslog|spawn|ifaddrs)\\.h")
set(systemd "systemd/sd-[a-z]+\\.h")

set(types "sidecar/core/(types|config)\\.h")
set(core "sidecar/core/(${name}|(probe|address|route|service)/${name})")
set(text "sidecar/text/${name}")
set(os "sidecar/os/${name}")

# Pure: no descriptor, clock, log, environment or JSON.
room(sidecar/core "${std}" "${fmt}" "${core}")
room(sidecar/core/probe "${std}" "${fmt}" "sidecar/core/(types|config|counts|hash|events|snapshot|timers)\.h")
room(sidecar/core/address "${std}" "${fmt}" "sidecar/core/(types|config|repeats|timers)\\.h")
room(sidecar/core/route "${std}" "${fmt}" "sidecar/core/(types|config|hash|repeats|timers)\\.h")
room(sidecar/core/service "${std}" "${fmt}" "sidecar/core/(types|config|events|snapshot|repeats|timers)\\.h"
     "sidecar/core/(probe|address|route)/${name}")
room(sidecar/text "${std}" "${fmt}" "utf8proc\\.h" "sidecar/core/types\\.h" ${system})

room(sidecar/text/fmt "fmt/format-inl\\.h")

# What the operating system gives; and a protocol that knows no word of herald's.
room(sidecar/os "${std}" "${fmt}" "sidecar/core/types\\.h" "${text}" ${system} "${systemd}" "libmnl/libmnl\\.h")
room(sidecar/varlink "${std}" "${fmt}" "${json}" "sidecar/core/types\\.h" "${text}" "sidecar/os/fd\\.h" ${system})

room(sidecar/config "${std}" "${fmt}" "${json}" "${types}" "${text}" "sidecar/os/(text_file|kept_file|fd)\\.h" ${system})
# Its writer is another process, which is spoken with as the workers are.
room(sidecar/state "${std}" "${fmt}" "${json}" "sidecar/core/(types|events)\\.h" "${text}" "${os}" "sidecar/work/channel\\.h" ${system})

room(sidecar/announce/router "${std}" "${fmt}" "${json}" "${types}" "sidecar/core/route/${name}" "${text}" "${os}" ${system})
room(sidecar/announce/frr "${std}" "${fmt}" "${json}" "${types}" "sidecar/core/route/${name}" "${text}" "${os}" ${system}
     "sidecar/announce/router/${name}")
room(sidecar/announce/bird "${std}" "${fmt}" "${types}" "sidecar/core/hash\\.h" "sidecar/core/route/${name}" "${text}" "${os}" ${system}
     "sidecar/announce/router/${name}")
room(sidecar/announce "${std}" "${fmt}" "${types}" "sidecar/core/(address|route)/${name}" "${text}" "${os}" ${system}
     "sidecar/announce/(router|frr|bird)/${name}")

# Reads, and never writes.
room(sidecar/doctor "${std}" "${fmt}" "${json}" "${types}" "sidecar/core/route/${name}" "${text}" "${os}" ${system}
     "sidecar/announce/router/${name}" "sidecar/announce/(frr|bird)/(transport|vtysh|reply|view|owned|lines|objects|reading|socket)\\.h")

# What watchers are told: of a snapshot, in the formats that they read.
room(sidecar/seen "${std}" "${fmt}" "sidecar/core/(types|config|counts|histogram|snapshot|words)\\.h" "${text}")

room(sidecar/control "${std}" "${fmt}" "${json}" "${core}" "sidecar/seen/${name}" "sidecar/state/${name}" "sidecar/varlink/${name}" "${text}" "${os}"
     ${system})
room(sidecar/ctl "${std}" "${fmt}" "${json}" "CLI/CLI\\.hpp" "${types}" "sidecar/varlink/${name}" "sidecar/control/names\\.h"
     "sidecar/config/${name}" "sidecar/doctor/${name}" "sidecar/announce/(route_server|template_dirs)\\.h" "${text}" "sidecar/os/(fd|loop)\\.h"
     "probes/registry\\.h" ${system})
room(sidecar/daemon "${std}" "${fmt}" "${json}" "CLI/CLI\\.hpp" "${core}" "${text}" "${os}" ${system} "${systemd}" "cap-ng\\.h"
     "sidecar/(varlink|config|state|control|seen|work)/${name}" "sidecar/announce/(${name}|router/${name})" "probes/registry\\.h")

# What heraldd and its workers say to each other; and the workers' side, which knows no lever, state or control.
room(sidecar/work "${std}" "${types}" "${fmt}" "${text}" "${os}" "cap-ng\\.h" ${system})
# What speaks HTTP for heraldd: it has no right, and knows what it is told to hand out.
room(sidecar/http "${std}" "${fmt}" "sidecar/core/types\\.h" "${text}" "${os}" "sidecar/work/${name}" "sidecar/seen/exposition\\.h" "${systemd}"
     "microhttpd\\.h" ${system})
room(sidecar/prober "${std}" "${fmt}" "${types}" "${os}" "sidecar/work/${name}" "probes/${name}" "${systemd}" ${system})

room(probes "${std}" "${fmt}" "${json}" "${types}" "${text}" "sidecar/os/(loop|fd|process|local_addresses|socket_lookup)\\.h" "sidecar/config/(json_reader|kinds)\\.h"
     "(curl|ldns|re2|openssl)/${name}" "ares\\.h" ${system})
room(tests/sim "${std}" "${fmt}" "${core}" "catch2/catch\\.hpp" "tests/source_dir\\.h")

# A configuration is checked without the libraries of protocols: what a NAME_settings.cc includes needs none, nor what it
# shares with the light probes. Linking heraldctl tells the rest.
file(GLOB settings ${ROOT}/probes/*_settings.h ${ROOT}/probes/*_settings.cc ${ROOT}/probes/registry.*)
set(heavy_headers "(curl|ldns|openssl)/|ares\\.h|probes/(tls|stream|resolver|curl_multi|http_request|http_failure)\\.h")
foreach(source IN LISTS settings)
  file(STRINGS ${source} heavy REGEX "^#include [<\"](${heavy_headers})")
  if(heavy)
    string(APPEND broken "\n${source}: ${heavy}, which needs the library of a protocol")
  endif()
endforeach()

# No probe knows another: what they share has a header, and a probe has none.
file(GLOB probe_headers ${ROOT}/probes/*_probe.h)
foreach(header IN LISTS probe_headers)
  string(APPEND broken "\n${header}: a probe is one .cc with a row in the registry and no header")
endforeach()

file(GLOB_RECURSE sources RELATIVE ${ROOT} ${ROOT}/sidecar/*.h ${ROOT}/sidecar/*.cc ${ROOT}/probes/*.h ${ROOT}/probes/*.cc)
foreach(source IN LISTS sources)
  get_filename_component(folder ${source} DIRECTORY)
  if(NOT folder IN_LIST rooms)
    string(APPEND broken "\n${source}: ${folder} has no row")
  endif()
endforeach()

# A reader finds the test of a file by its path: sidecar/FOLDER/NAME.cc is tested by tests/FOLDER/NAME_test.cc, probes/NAME.cc by
# tests/probes/NAME_test.cc. No units, and without such a test: the main of each program, which reads a command line and runs
# what the others are tested for (the system tests run all of them, and read every option), and the place where fmt is
# compiled, which has no line of herald's.
set(no_units sidecar/ctl/main.cc sidecar/daemon/main.cc sidecar/http/main.cc sidecar/prober/main.cc sidecar/text/fmt/compiled.cc)
foreach(source IN LISTS sources)
  if(NOT source MATCHES "\\.cc$")
    continue()
  endif()
  string(REGEX REPLACE "^(sidecar/)?(.*)\\.cc$" "tests/\\2_test.cc" test ${source})
  if(EXISTS ${ROOT}/${test})
    if(source IN_LIST no_units)
      string(APPEND broken "\n${source}: has ${test}, so it is a unit; strike it from the list of those that are none")
    endif()
  elseif(NOT source IN_LIST no_units)
    string(APPEND broken "\n${source}: has no ${test}")
  endif()
endforeach()
foreach(source IN LISTS no_units)
  if(NOT source IN_LIST sources)
    string(APPEND broken "\n${source}: stands in the list of what is no unit, and there is no such file")
  endif()
endforeach()

# Tests are compiled together, too, and their helpers have the names that come to mind: each test has a namespace of its own.
file(GLOB_RECURSE tests RELATIVE ${ROOT} ${ROOT}/tests/*_test.cc)
foreach(test IN LISTS tests)
  get_filename_component(test_name ${test} NAME_WE)
  if(test MATCHES "^tests/(sim|fuzz)/")
    continue()
  endif()
  file(STRINGS ${ROOT}/${test} own REGEX "^namespace (herald::)?([a-z0-9]+_)?${test_name} {$")
  if(NOT own)
    string(APPEND broken "\n${test}: is not in `namespace ${test_name}`, nor in `namespace herald::${test_name}`")
  endif()
endforeach()

if(broken)
  message(FATAL_ERROR "rules are broken:${broken}")
endif()
message(STATUS "rules hold")
