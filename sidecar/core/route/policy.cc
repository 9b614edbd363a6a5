#include "sidecar/core/route/policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sidecar/core/hash.h"

namespace herald {
namespace {

std::string text_of(const std::optional<std::uint32_t>& number) {
  return number ? fmt::format("{}", *number) : "-";
}

}  // namespace

std::string name_hash(std::string_view text) {
  return fmt::format("{:08x}", fnv1a_32(text));
}

Policy policy_of(const ServiceSpec& service, Grade grade) {
  const auto& by_grade = service.announce.attributes;
  const auto& own = by_grade[static_cast<std::size_t>(grade)];
  const auto& healthy = by_grade[static_cast<std::size_t>(Grade::healthy)];
  Policy policy{fmt::format("{}{}-{}", kPolicyPrefix, service.name, name_of(grade)),
                own ? *own : healthy.value_or(Attributes{})};
  const Attributes& attributes = policy.attributes;
  if (attributes == Attributes{}) return policy;
  std::string text =
      fmt::format("{} {} {} {}", attributes.prepend, text_of(attributes.med),
                  text_of(attributes.local_preference), fmt::join(attributes.communities, ","));
  if (attributes.prepend_as != 0) text += fmt::format(" {}", attributes.prepend_as);
  policy.name += "-" + name_hash(text);
  return policy;
}

bool has_draining(const AnnounceSpec& announce) {
  return announce.attributes[static_cast<std::size_t>(Grade::draining)].has_value();
}

bool has_degraded(const AnnounceSpec& announce) {
  return announce.attributes[static_cast<std::size_t>(Grade::degraded)].has_value();
}

}  // namespace herald
