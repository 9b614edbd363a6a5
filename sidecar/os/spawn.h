// Starts a program that is to live beside herald and to talk with it over descriptors, which is what process.h's children are
// not for.
//
// It leads a process group of its own, nothing is blocked or ignored in it, and of herald's descriptors it has the standard ones
// and those that are given to it: they get the numbers from kFirstGiven on, in their order. It is not watched.
#pragma once

#include <sys/types.h>

#include <expected>
#include <span>
#include <string>

namespace herald {

inline constexpr int kFirstGiven = 3;

// `program` is a path; `arguments` begin with what it sees as its own name. The error is an errno.
[[nodiscard]] std::expected<pid_t, int> spawn_beside(const std::string& program,
                                                     std::span<const std::string> arguments,
                                                     std::span<const int> given);

}  // namespace herald
