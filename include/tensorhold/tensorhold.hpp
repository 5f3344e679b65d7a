// tensorhold: safetensors files, mapped, with control of the hold.
#pragma once

#include "tensorhold/dtype.hpp"
#include "tensorhold/error.hpp"
#include "tensorhold/export.hpp"
#include "tensorhold/file.hpp"
#include "tensorhold/hold.hpp"
#include "tensorhold/holder.hpp"
#include "tensorhold/lock.hpp"
#include "tensorhold/log.hpp"
#include "tensorhold/numeric.hpp"
#include "tensorhold/options.hpp"
#include "tensorhold/path.hpp"
#include "tensorhold/save.hpp"
#include "tensorhold/slice.hpp"
#include "tensorhold/stop.hpp"
#include "tensorhold/tensor.hpp"
#include "tensorhold/writer.hpp"
