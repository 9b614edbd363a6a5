#include "sidecar/announce/frr/template.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <system_error>
#include <utility>

#include "sidecar/announce/router/text_lines.h"
#include "sidecar/os/text_file.h"
#include "sidecar/text/near_name.h"

namespace herald {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

std::string braced(std::string_view name) {
  return fmt::format("{{{{{}}}}}", name);
}

}  // namespace

// Reads one text; collects what is wrong with it.
class Template::Parser {
 public:
  Parser(const TemplateKind& kind, std::string file) : kind_(kind), file_(std::move(file)) {}

  std::expected<Template, std::vector<TemplateError>> parse(std::string_view text) {
    if (text.size() > kMostTemplateBytes) {
      fail(fmt::format("longer than {} bytes", kMostTemplateBytes));
      return std::unexpected(std::move(errors_));
    }
    Template parsed;
    for (const std::string_view line : lines_of(text)) {
      ++number_;
      if (is_clean(line)) parsed.lines_.push_back(read_line(line));
    }
    check_occurrence();
    if (!errors_.empty()) return std::unexpected(std::move(errors_));
    return parsed;
  }

 private:
  using Kind = Placeholder::Kind;

  void fail(std::string message) { errors_.push_back({file_, number_, std::move(message)}); }

  bool is_clean(std::string_view line) {
    const auto bad = std::ranges::find_if(line, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
    if (bad == line.end()) return true;
    fail(fmt::format("control character 0x{:02x} in column {}; only line breaks are allowed",
                     static_cast<unsigned char>(*bad), bad - line.begin() + 1));
    return false;
  }

  Line read_line(std::string_view text) {
    Line line;
    for (bool at_start = true; !text.empty(); at_start = false) {
      const std::size_t open = text.find(kOpen);
      if (open != 0) line.pieces.push_back({std::string(text.substr(0, open)), false});
      if (open == std::string_view::npos) break;
      const std::size_t close = text.find(kClose, open);
      if (close == std::string_view::npos) {
        fail(fmt::format("\"{{{{\" without \"}}}}\" in the same line: {}", text.substr(open)));
        break;
      }
      const std::string_view inside = text.substr(open + kOpen.size(), close - open - kOpen.size());
      text.remove_prefix(close + kClose.size());
      if (inside.starts_with('?') || inside.starts_with('#')) {
        read_marker(inside, at_start && open == 0, line);
      } else {
        read_value(inside, line);
      }
    }
    return line;
  }

  void read_marker(std::string_view inside, bool at_start, Line& line) {
    const std::string_view name = inside.substr(1);
    if (!at_start) return fail(fmt::format("{} may only stand at the start of a line", braced(inside)));
    line.marker = inside.front();
    line.name = name;
    const Placeholder* found = find(name, "");
    if (found == nullptr) return fail_unknown(inside, "");
    if (line.marker == '#' && found->kind != Kind::list)
      return fail(fmt::format("{} is no list; {}", name, allowed("")));
    if (line.marker == '?' && found->kind == Kind::text)
      return fail(
          fmt::format("{} always has a value; {} is for those that may be unset", name, braced(inside)));
    if (line.marker == '#') seen_.insert(found);
  }

  void read_value(std::string_view name, Line& line) {
    const std::string_view list = line.marker == '#' ? std::string_view(line.name) : std::string_view();
    const Placeholder* found = find(name, list);
    if (found == nullptr) return fail_unknown(name, list);
    if (found->kind == Kind::list)
      return fail(
          fmt::format("{} is a list; begin the line with {}", name, braced(fmt::format("#{}", name))));
    if (found->kind == Kind::optional && (line.marker != '?' || line.name != name))
      return fail(
          fmt::format("{} may be unset; begin the line with {}", name, braced(fmt::format("?{}", name))));
    seen_.insert(found);
    line.pieces.push_back({std::string(name), true});
  }

  // In a list's line its fields are known too.
  const Placeholder* find(std::string_view name, std::string_view list) const {
    const auto found = std::ranges::find_if(kind_.placeholders, [&](const Placeholder& each) {
      return each.name == name && (each.of.empty() || each.of == list);
    });
    return found == kind_.placeholders.end() ? nullptr : &*found;
  }

  std::string allowed(std::string_view list) const {
    std::vector<std::string> names;
    for (const Placeholder& each : kind_.placeholders) {
      if (!each.of.empty() && each.of != list) continue;
      const std::string_view sign = each.kind == Kind::list ? "#" : each.kind == Kind::optional ? "?" : "";
      names.push_back(fmt::format("{}{}", sign, each.name));
    }
    return fmt::format("allowed here: {}", fmt::join(names, ", "));
  }

  // `inside` with its marker.
  void fail_unknown(std::string_view inside, std::string_view list) {
    const std::size_t sign = inside.starts_with('?') || inside.starts_with('#') ? 1 : 0;
    for (const Placeholder& each : kind_.placeholders) {
      if (each.name == inside && !each.of.empty())
        return fail(fmt::format("{} is known only in lines that begin with {}", braced(inside),
                                braced(fmt::format("#{}", each.of))));
    }
    std::vector<std::string> names;
    for (const Placeholder& each : kind_.placeholders) names.emplace_back(each.name);
    std::string word(inside.substr(sign));
    std::erase(word, ' ');
    const std::string near = near_name(word, names);
    const std::string hint =
        near.empty() ? ";" : did_you_mean(braced(fmt::format("{}{}", inside.substr(0, sign), near)));
    fail(fmt::format("unknown placeholder {}{} {}", braced(inside), hint, allowed(list)));
  }

  void check_occurrence() {
    for (const Placeholder& each : kind_.placeholders) {
      if (!each.must_occur || seen_.contains(&each)) continue;
      const std::string where =
          each.of.empty() ? "" : fmt::format(" in a line of {}", braced(fmt::format("#{}", each.of)));
      const std::string sign = each.kind == Kind::list ? "#" : "";
      fail(fmt::format("{} has to occur{}, and does not", braced(sign + std::string(each.name)), where));
    }
  }

  const TemplateKind& kind_;
  std::string file_;
  std::size_t number_ = 0;  // of the line that is read; at last, of the last one
  std::set<const Placeholder*> seen_;
  std::vector<TemplateError> errors_;
};

std::string to_string(const TemplateError& error) {
  if (error.line == 0) return fmt::format("{}: {}", error.file, error.message);
  return fmt::format("{}:{}: {}", error.file, error.line, error.message);
}

std::expected<Template, std::vector<TemplateError>> Template::parse(const TemplateKind& kind,
                                                                    std::string_view text, std::string file) {
  return Parser(kind, std::move(file)).parse(text);
}

std::string Template::render(const TemplateValues& values) const {
  std::string out;
  for (const Line& line : lines_) {
    const auto list = values.lists.find(line.name);
    if (line.marker == '#') {
      if (list == values.lists.end()) std::abort();
      for (const TemplateFields& element : list->second) append(line, values, &element, out);
      continue;
    }
    const bool is_set =
        values.texts.contains(line.name) || (list != values.lists.end() && !list->second.empty());
    if (line.marker == 0 || is_set) append(line, values, nullptr, out);
  }
  return out;
}

void Template::append(const Line& line, const TemplateValues& values, const TemplateFields* fields,
                      std::string& out) {
  for (const Piece& piece : line.pieces) {
    if (!piece.is_value) {
      out += piece.text;
      continue;
    }
    const bool is_field = fields != nullptr && fields->contains(piece.text);
    const TemplateFields& source = is_field ? *fields : values.texts;
    const auto value = source.find(piece.text);
    if (value == source.end()) std::abort();
    out += value->second;
  }
  out += '\n';
}

std::expected<Template, std::vector<TemplateError>> load_template(const TemplateKind& kind,
                                                                  std::span<const fs::path> dirs) {
  std::vector<std::string> tried;
  for (const fs::path& dir : dirs) {
    const fs::path file = dir / kind.file;
    std::error_code error;
    // What is there and cannot be read is an error: the operator means it to win.
    if (!fs::exists(file, error) && !error) {
      tried.push_back(dir);
      continue;
    }
    const auto text = read_text_file(file);
    if (!text) return std::unexpected(std::vector<TemplateError>{{file, 0, text.error()}});
    return Template::parse(kind, *text, file);
  }
  return std::unexpected(std::vector<TemplateError>{
      {std::string(kind.file), 0, fmt::format("there is no such template in {}", fmt::join(tried, " or "))}});
}

std::vector<std::string> commands_in(std::string_view rendered) {
  std::vector<std::string> commands;
  for (const std::string_view line : lines_of(rendered)) {
    const std::size_t first = line.find_first_not_of(' ');
    if (first == std::string_view::npos || line[first] == '!') continue;
    commands.emplace_back(line.substr(first, line.find_last_not_of(' ') - first + 1));
  }
  return commands;
}

}  // namespace herald
