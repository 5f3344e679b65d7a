// The README's five lines: opens a file and prints the sum of each F32 tensor.
#include <iostream>
#include <numeric>
#include <tensorhold/tensorhold.hpp>

namespace th = tensorhold;

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: " << arguments[0] << " FILE\n";
    return 2;
  }
  try {
    const th::File file = th::open(arguments[1]);  // header read and checked; no tensor read
    for (std::size_t i = 0; i < file.size(); ++i) {
      const th::Tensor tensor = file.at(i);  // no copy; keeps its bytes alive by itself
      if (tensor.dtype() != th::Dtype::f32) continue;
      const std::span<const float> values = tensor.as<float>();
      std::cout << tensor.name() << ' ' << std::accumulate(values.begin(), values.end(), 0.0)
                << '\n';
    }
  } catch (const th::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
