#include "format/json/json_reader.hpp"

#include "format/json/json_number.hpp"

namespace tensorhold::format {

int JsonReader::peek() const noexcept {
  return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1;
}

void JsonReader::skip_space() noexcept {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
    ++at_;
}

JsonToken JsonReader::next() {
  skip_space();
  token_ = at_;
  switch (expect_) {
    case Expect::value:
      return value();
    case Expect::first_element:
      if (peek() == ']') return close(false);
      return value();
    case Expect::first_key:
      if (peek() == '}') return close(true);
      return key();
    case Expect::key:
      return key();
    case Expect::nothing:
      if (at_ < text_.size()) fail("something follows the end of the JSON value");
      return JsonToken::end;
    case Expect::comma_or_end:
      break;
  }
  const bool object = is_object_[depth_ - 1];
  if (peek() == (object ? '}' : ']')) return close(object);
  if (peek() != ',') fail(object ? "expected ',' or '}'" : "expected ',' or ']'");
  ++at_;
  skip_space();
  token_ = at_;
  return object ? key() : value();
}

void JsonReader::skip(JsonToken first) {
  if (first != JsonToken::begin_object && first != JsonToken::begin_array) return;
  for (const std::size_t outside = depth_ - 1; depth_ > outside;) next();
}

void JsonReader::after_value() noexcept {
  expect_ = depth_ == 0 ? Expect::nothing : Expect::comma_or_end;
}

JsonToken JsonReader::value() {
  switch (peek()) {
    case '{':
      return open(true);
    case '[':
      return open(false);
    case '"':
      read_string();
      after_value();
      return JsonToken::string;
    case 't':
      return literal("true", JsonToken::boolean);
    case 'f':
      return literal("false", JsonToken::boolean);
    case 'n':
      return literal("null", JsonToken::null);
    case -1:
      fail("the JSON ends too early");
    default:
      read_number();
      after_value();
      return JsonToken::number;
  }
}

JsonToken JsonReader::open(bool object) {
  if (depth_ == max_depth) fail("the JSON is nested too deeply");
  is_object_[depth_++] = object;
  ++at_;
  expect_ = object ? Expect::first_key : Expect::first_element;
  return object ? JsonToken::begin_object : JsonToken::begin_array;
}

JsonToken JsonReader::close(bool object) {
  --depth_;
  ++at_;
  after_value();
  return object ? JsonToken::end_object : JsonToken::end_array;
}

JsonToken JsonReader::key() {
  if (peek() != '"') fail(peek() < 0 ? "the JSON ends too early" : "expected a key in quotes");
  read_string();
  skip_space();
  if (peek() != ':') fail("expected ':'");
  ++at_;
  expect_ = Expect::value;
  return JsonToken::key;
}

JsonToken JsonReader::literal(std::string_view word, JsonToken token) {
  if (text_.substr(at_, word.size()) != word) fail("expected a JSON value");
  at_ += word.size();
  after_value();
  return token;
}

void JsonReader::read_number() {
  if (peek() != '-' && (peek() < '0' || peek() > '9')) fail("expected a JSON value");
  const JsonNumber number = read_json_number(text_.substr(at_));
  at_ += number.length;
  if (number.fault != nullptr) fail(number.fault);
  integer_ = number.integer;
}

void JsonReader::read_string() {
  const std::size_t start = ++at_;
  bool plain = true;
  decoded_.clear();
  for (;;) {
    const std::size_t run = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 0x20)
      ++at_;
    if (peek() < 0) fail("a string does not end");
    if (peek() < 0x20) fail("a control character inside a string");
    const bool ends = peek() == '"';
    if (ends && plain) {
      value_ = text_.substr(start, at_ - start);
      ++at_;
      return;
    }
    plain = false;
    decoded_.append(text_, run, at_ - run);
    ++at_;
    if (ends) {
      value_ = decoded_;
      return;
    }
    read_escape();
  }
}

void JsonReader::read_escape() {
  const int escape = peek();
  switch (escape) {
    case '"':
    case '\\':
    case '/':
      decoded_ += static_cast<char>(escape);
      break;
    case 'b':
      decoded_ += '\b';
      break;
    case 'f':
      decoded_ += '\f';
      break;
    case 'n':
      decoded_ += '\n';
      break;
    case 'r':
      decoded_ += '\r';
      break;
    case 't':
      decoded_ += '\t';
      break;
    case 'u': {
      const std::size_t begin = at_ - 1;
      ++at_;
      unsigned code_point = read_hex4();
      if (code_point >= 0xd800 && code_point < 0xe000) {
        const bool leads = code_point < 0xdc00 && text_.substr(at_, 2) == "\\u";
        unsigned second = 0;
        if (leads) {
          at_ += 2;
          second = read_hex4();
        }
        if (second < 0xdc00 || second > 0xdfff) {
          at_ = begin;
          fail("half of a surrogate pair in an escape");
        }
        code_point = 0x10000 + ((code_point - 0xd800) << 10) + (second - 0xdc00);
      }
      append_utf8(code_point);
      return;
    }
    default:
      fail(escape < 0 ? "a string does not end" : "an escape that JSON does not know");
  }
  ++at_;
}

unsigned JsonReader::read_hex4() {
  unsigned value = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const int c = peek();
    unsigned digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<unsigned>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
      digit = static_cast<unsigned>(c - 'A' + 10);
    else
      fail("an escape needs four hexadecimal digits");
    value = value << 4 | digit;
  }
  return value;
}

void JsonReader::append_utf8(unsigned code_point) {
  if (code_point < 0x80) {
    decoded_ += static_cast<char>(code_point);
    return;
  }
  if (code_point < 0x800) {
    decoded_ += static_cast<char>(0xc0 | code_point >> 6);
  } else {
    if (code_point < 0x10000) {
      decoded_ += static_cast<char>(0xe0 | code_point >> 12);
    } else {
      decoded_ += static_cast<char>(0xf0 | code_point >> 18);
      decoded_ += static_cast<char>(0x80 | (code_point >> 12 & 0x3f));
    }
    decoded_ += static_cast<char>(0x80 | (code_point >> 6 & 0x3f));
  }
  decoded_ += static_cast<char>(0x80 | (code_point & 0x3f));
}

}  // namespace tensorhold::format
