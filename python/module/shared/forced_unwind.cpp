// Threads that the interpreter leaves behind when it ends.
//
// CPython before 3.14 ends a daemon thread that asks for the GIL after the main thread began to
// finalize the interpreter: with pthread_exit(), inside the call that asked. The C library then
// unwinds the thread's stack through our frames, whose destructors would drop Python objects
// without the GIL, and which may be noexcept: the process would abort, with whatever else runs at
// its end. Here the unwinding stops at the first frame of ours, and the thread waits for ever, as
// it does in CPython from 3.14 on; the process ends under it.
//
// The GIL is asked for at the end of each part without it, and by every function of Python's that
// may run Python code, which gives the GIL away now and then. All of these that this module or
// nanobind calls are linked through here (--wrap, in python/CMakeLists.txt, which reads the lines
// KEPT).
#include "module.hpp"

#if __has_include(<bits/cxxabi_forced.h>)
#include <exception>
#include <type_traits>

namespace {

/// Where the unwinding of a thread stops. A destructor and no handler: the C++ runtime ends the
/// process where a handler begins for what is no exception of its own while it handles one that is,
/// such as an error that is being told to Python.
class Stop {
 public:
  Stop() = default;
  Stop(const Stop&) = delete;
  Stop& operator=(const Stop&) = delete;
  ~Stop() {
    // An exception of C++ would be counted, the end of a thread is not.
    if (!returned_ && std::uncaught_exceptions() == before_) tensorhold_python::wait_for_ever();
  }
  void returned() noexcept { returned_ = true; }

 private:
  int before_ = std::uncaught_exceptions();
  bool returned_ = false;
};

template <class Call>
auto kept(const Call& call) {
  Stop stop;
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    stop.returned();
  } else {
    const auto result = call();
    stop.returned();
    return result;
  }
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): the names that --wrap gives
#define KEPT(result, name, parameters, arguments)         \
  extern "C" result __real_##name parameters;             \
  extern "C" result __wrap_##name parameters;             \
  extern "C" result __wrap_##name parameters {            \
    return kept([&] { return __real_##name arguments; }); \
  }

KEPT(void, PyEval_RestoreThread, (PyThreadState * state), (state))
KEPT(PyGILState_STATE, PyGILState_Ensure, (), ())
KEPT(void, _Py_Dealloc, (PyObject * object), (object))
KEPT(PyObject*, PyObject_Vectorcall,
     (PyObject * callee, PyObject* const* args, std::size_t count, PyObject* names),
     (callee, args, count, names))
KEPT(PyObject*, PyObject_VectorcallMethod,
     (PyObject * name, PyObject* const* args, std::size_t count, PyObject* names),
     (name, args, count, names))
KEPT(PyObject*, PyVectorcall_Call, (PyObject * callee, PyObject* args, PyObject* names),
     (callee, args, names))
KEPT(PyObject*, PyObject_Call, (PyObject * callee, PyObject* args, PyObject* names),
     (callee, args, names))
KEPT(PyObject*, PyObject_CallObject, (PyObject * callee, PyObject* args), (callee, args))
KEPT(PyObject*, PyObject_CallNoArgs, (PyObject * callee), (callee))
KEPT(PyObject*, PyObject_CallOneArg, (PyObject * callee, PyObject* arg), (callee, arg))
KEPT(PyObject*, PyObject_GetAttr, (PyObject * object, PyObject* name), (object, name))
KEPT(PyObject*, PyObject_GetAttrString, (PyObject * object, const char* name), (object, name))
KEPT(int, PyObject_HasAttrString, (PyObject * object, const char* name), (object, name))
#if PY_VERSION_HEX < 0x030d0000
KEPT(int, _PyObject_LookupAttr, (PyObject * object, PyObject* name, PyObject** found),
     (object, name, found))
#endif
KEPT(int, PyObject_SetAttr, (PyObject * object, PyObject* name, PyObject* value),
     (object, name, value))
KEPT(int, PyObject_SetAttrString, (PyObject * object, const char* name, PyObject* value),
     (object, name, value))
KEPT(PyObject*, PyObject_GetItem, (PyObject * object, PyObject* key), (object, key))
KEPT(int, PyObject_SetItem, (PyObject * object, PyObject* key, PyObject* value),
     (object, key, value))
KEPT(PyObject*, PyObject_GetIter, (PyObject * object), (object))
KEPT(PyObject*, PyIter_Next, (PyObject * iterator), (iterator))
KEPT(int, PyObject_IsTrue, (PyObject * object), (object))
KEPT(Py_ssize_t, PyObject_Size, (PyObject * object), (object))
KEPT(PyObject*, PyObject_Str, (PyObject * object), (object))
KEPT(PyObject*, PyObject_Repr, (PyObject * object), (object))
KEPT(PyObject*, PyObject_ASCII, (PyObject * object), (object))
KEPT(PyObject*, PyObject_RichCompare, (PyObject * a, PyObject* b, int how), (a, b, how))
KEPT(int, PyObject_RichCompareBool, (PyObject * a, PyObject* b, int how), (a, b, how))
KEPT(Py_hash_t, PyObject_Hash, (PyObject * object), (object))
KEPT(int, PyObject_GetBuffer, (PyObject * object, Py_buffer* view, int flags),
     (object, view, flags))
KEPT(void, PyBuffer_Release, (Py_buffer * view), (view))
KEPT(PyObject*, PyMemoryView_FromObject, (PyObject * object), (object))
KEPT(PyObject*, PyNumber_Add, (PyObject * a, PyObject* b), (a, b))
KEPT(PyObject*, PyNumber_Float, (PyObject * object), (object))
KEPT(PyObject*, PyNumber_Index, (PyObject * object), (object))
KEPT(PyObject*, PyNumber_Long, (PyObject * object), (object))
KEPT(Py_ssize_t, PyNumber_AsSsize_t, (PyObject * object, PyObject* error), (object, error))
KEPT(double, PyFloat_AsDouble, (PyObject * object), (object))
KEPT(long, PyLong_AsLong, (PyObject * object), (object))
KEPT(PyObject*, PySequence_Tuple, (PyObject * object), (object))
KEPT(PyObject*, PySequence_List, (PyObject * object), (object))
KEPT(PyObject*, PySequence_GetItem, (PyObject * object, Py_ssize_t at), (object, at))
KEPT(PyObject*, PyDict_GetItemWithError, (PyObject * dict, PyObject* key), (dict, key))
KEPT(int, PyDict_SetItem, (PyObject * dict, PyObject* key, PyObject* value), (dict, key, value))
KEPT(int, PyUnicode_FSConverter, (PyObject * path, void* found), (path, found))
KEPT(PyObject*, PyUnicode_DecodeFSDefaultAndSize, (const char* text, Py_ssize_t size), (text, size))
KEPT(PyObject*, PyImport_ImportModule, (const char* name), (name))
KEPT(PyObject*, PyEval_EvalCode, (PyObject * code, PyObject* globals, PyObject* locals),
     (code, globals, locals))
KEPT(int, PyErr_CheckSignals, (), ())
#if PY_VERSION_HEX < 0x030c0000
KEPT(void, PyErr_NormalizeException, (PyObject * *type, PyObject** value, PyObject** trace),
     (type, value, trace))
#endif
KEPT(void, PyErr_SetObject, (PyObject * type, PyObject* value), (type, value))
KEPT(void, PyErr_SetString, (PyObject * type, const char* text), (type, text))
KEPT(void, PyErr_WriteUnraisable, (PyObject * object), (object))
// Garbage is collected there, which may run finalizers.
KEPT(PyObject*, PyType_GenericAlloc, (PyTypeObject * type, Py_ssize_t count), (type, count))
KEPT(PyObject*, PyList_New, (Py_ssize_t size), (size))
KEPT(PyObject*, PyTuple_New, (Py_ssize_t size), (size))
KEPT(PyObject*, PyDict_New, (), ())
// NOLINTEND(bugprone-reserved-identifier)
#endif
