// oneDNN's side of the comparison layer by layer: one thread, and for each pass of a convolution the best of all that the
// library offers. `layers.py` builds it, writes a layer a line to standard input and reads a line of JSON back:
//
//   name images height width channels filters groups  kernel(h w) strides(h w) dilation(h w) padding(t b l r)  bias seconds
//
// Every implementation of the direct and of the Winograd algorithm is tried, in the layouts it asks for; nothing is
// reordered while time is taken. Like Lockstep's, times are medians of the thread's CPU time over repeated calls.
#include <omp.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

#include "oneapi/dnnl/dnnl.hpp"

using namespace dnnl;
using Arguments = std::unordered_map<int, memory>;

struct Layer {
  std::string name;
  memory::dim images, height, width, channels, filters, groups;
  memory::dims kernel, strides, dilation;
  memory::dim top, bottom, left, right;
  bool bias;
  double seconds;

  memory::desc any(memory::dims dims) const {
    return {dims, memory::data_type::f32, memory::format_tag::any};
  }
  static memory::dim results(memory::dim pixels, memory::dim padding, memory::dim size, memory::dim stride, memory::dim step) {
    return (pixels + padding - (size - 1) * step - 1) / stride + 1;
  }
  memory::desc source() const { return any({images, channels, height, width}); }
  memory::desc weights() const {
    if (groups == 1) return any({filters, channels, kernel[0], kernel[1]});
    return any({groups, filters / groups, channels / groups, kernel[0], kernel[1]});
  }
  memory::desc offsets() const {
    return bias ? memory::desc({filters}, memory::data_type::f32, memory::format_tag::a) : memory::desc();
  }
  memory::desc output() const {
    return any({images, filters, results(height, top + bottom, kernel[0], strides[0], dilation[0]),
                results(width, left + right, kernel[1], strides[1], dilation[1])});
  }
  // oneDNN counts the pixels between two taps.
  memory::dims gaps() const { return {dilation[0] - 1, dilation[1] - 1}; }
  memory::dims before() const { return {top, left}; }
  memory::dims after() const { return {bottom, right}; }
};

static double threadNanoseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

// The best time of a pass so far, and what took it.
struct Best {
  double nanoseconds = -1;
  std::string implementation;
};

static memory filled(const memory::desc &desc, const engine &engine) {
  memory result(desc, engine);
  auto *values = static_cast<float *>(result.get_data_handle());
  for (size_t i = 0; i < desc.get_size() / sizeof(float); i++) values[i] = (i % 13) * 0.01f - 0.05f;
  return result;
}

static double once(const primitive &pass, const stream &stream, const Arguments &arguments) {
  double start = threadNanoseconds();
  pass.execute(stream, arguments);
  const_cast<dnnl::stream &>(stream).wait();
  return std::max(1.0, threadNanoseconds() - start);
}

static double median(const primitive &pass, stream &stream, const Arguments &arguments, double seconds) {
  std::vector<double> times;
  for (double total = 0; total < seconds * 1e9 || times.size() < 5; total += times.back())
    times.push_back(once(pass, stream, arguments));
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// Tries all implementations of `desc`; one that is far from the best after two calls is not measured longer.
template <typename Descriptor, typename Pass>
static void tryAll(
    Descriptor &desc, const std::function<Arguments(Descriptor &)> &arguments, stream &stream, double seconds, Best &best) {
  do {
    std::string name = desc.impl_info_str();
    if (name.rfind("ref", 0) == 0) continue;
    Arguments memories = arguments(desc);
    Pass pass(desc);
    double first = std::min(once(pass, stream, memories), once(pass, stream, memories));
    if (best.nanoseconds > 0 && first > 2 * best.nanoseconds) continue;
    double time = median(pass, stream, memories, seconds);
    if (best.nanoseconds < 0 || time < best.nanoseconds) best = {time, name};
  } while (desc.next_impl());
}

static void measure(const Layer &layer, const engine &engine, stream &stream, Best best[3]) {
  for (auto algorithm : {algorithm::convolution_direct, algorithm::convolution_winograd}) {
    auto ignoring = [](const std::function<void()> &body) {
      // The library says so if it has no implementation.
      try {
        body();
      } catch (const error &problem) {
        if (problem.status != dnnl_unimplemented) throw;
      }
    };
    // For inference some take weights that were transformed before.
    for (auto kind : {prop_kind::forward_training, prop_kind::forward_inference}) {
      ignoring([&] {
        convolution_forward::primitive_desc desc(
            convolution_forward::desc(
                kind, algorithm, layer.source(), layer.weights(), layer.offsets(), layer.output(), layer.strides,
                layer.gaps(), layer.before(), layer.after()),
            engine);
        tryAll<decltype(desc), convolution_forward>(
            desc,
            [&](auto &desc) {
              Arguments memories{
                  {DNNL_ARG_SRC, filled(desc.src_desc(), engine)},
                  {DNNL_ARG_WEIGHTS, filled(desc.weights_desc(), engine)},
                  {DNNL_ARG_DST, filled(desc.dst_desc(), engine)}};
              if (layer.bias) memories[DNNL_ARG_BIAS] = filled(desc.bias_desc(), engine);
              return memories;
            },
            stream, layer.seconds, best[0]);
      });
    }
    convolution_forward::desc plain(
        prop_kind::forward_training, algorithm::convolution_direct, layer.source(), layer.weights(), layer.offsets(),
        layer.output(), layer.strides, layer.gaps(), layer.before(), layer.after());
    convolution_forward::primitive_desc hint(plain, engine);
    ignoring([&] {
      convolution_backward_data::primitive_desc desc(
          convolution_backward_data::desc(
              algorithm, layer.source(), layer.weights(), layer.output(), layer.strides, layer.gaps(), layer.before(),
              layer.after()),
          engine, hint);
      tryAll<decltype(desc), convolution_backward_data>(
          desc,
          [&](auto &desc) {
            return Arguments{
                {DNNL_ARG_DIFF_SRC, filled(desc.diff_src_desc(), engine)},
                {DNNL_ARG_WEIGHTS, filled(desc.weights_desc(), engine)},
                {DNNL_ARG_DIFF_DST, filled(desc.diff_dst_desc(), engine)}};
          },
          stream, layer.seconds, best[1]);
    });
    ignoring([&] {
      convolution_backward_weights::primitive_desc desc(
          convolution_backward_weights::desc(
              algorithm, layer.source(), layer.weights(), layer.offsets(), layer.output(), layer.strides, layer.gaps(),
              layer.before(), layer.after()),
          engine, hint);
      tryAll<decltype(desc), convolution_backward_weights>(
          desc,
          [&](auto &desc) {
            Arguments memories{
                {DNNL_ARG_SRC, filled(desc.src_desc(), engine)},
                {DNNL_ARG_DIFF_WEIGHTS, filled(desc.diff_weights_desc(), engine)},
                {DNNL_ARG_DIFF_DST, filled(desc.diff_dst_desc(), engine)}};
            if (layer.bias) memories[DNNL_ARG_DIFF_BIAS] = filled(desc.diff_bias_desc(), engine);
            return memories;
          },
          stream, layer.seconds, best[2]);
    });
  }
}

int main() {
  omp_set_num_threads(1);
  engine engine(engine::kind::cpu, 0);
  stream stream(engine);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    Layer l;
    l.kernel = l.strides = l.dilation = {0, 0};
    words >> l.name >> l.images >> l.height >> l.width >> l.channels >> l.filters >> l.groups >> l.kernel[0] >>
        l.kernel[1] >> l.strides[0] >> l.strides[1] >> l.dilation[0] >> l.dilation[1] >> l.top >> l.bottom >> l.left >>
        l.right >> l.bias >> l.seconds;
    if (!words) {
      std::cerr << "side_onednn: not a layer: " << line << std::endl;
      return 64;
    }
    Best best[3];
    measure(l, engine, stream, best);
    const char *passes[3] = {"forward", "input_gradient", "weight_gradient"};
    std::cout << "{\"layer\": \"" << l.name << "\"";
    for (int pass = 0; pass < 3; pass++) {
      if (best[pass].nanoseconds < 0) continue;
      std::cout << ", \"" << passes[pass] << "\": {\"us_per_image\": " << best[pass].nanoseconds * 1e-3 / l.images
                << ", \"implementation\": \"" << best[pass].implementation << "\"}";
    }
    std::cout << "}" << std::endl;
  }
}
