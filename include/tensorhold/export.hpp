// What is visible outside the library, and which version this is.
#pragma once

#if defined(_WIN32) && defined(TENSORHOLD_SHARED)
#if defined(TENSORHOLD_BUILDING)
#define TENSORHOLD_API __declspec(dllexport)
#else
#define TENSORHOLD_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define TENSORHOLD_API __attribute__((visibility("default")))
#else
#define TENSORHOLD_API
#endif

#define TENSORHOLD_VERSION_MAJOR 0
#define TENSORHOLD_VERSION_MINOR 1
#define TENSORHOLD_VERSION_PATCH 0
#define TENSORHOLD_VERSION "0.1.0"
