// What somebody's first program looks like: prints the number of tensors of a file.
#include <iostream>
#include <tensorhold/tensorhold.hpp>

int main(int count, char** arguments) {
  if (count != 2) return 2;
  try {
    const tensorhold::File file = tensorhold::open(arguments[1]);
    std::cout << file.size() << '\n';
  } catch (const tensorhold::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
