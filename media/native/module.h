/* What fan_out.c puts into the module media.native.fan_out beside its own. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000 /* nothing that 3.11 lacks; each Python has a build of its own all the same */
#include <Python.h>

/* opening.c: a new reference, or NULL with an exception set. */
PyObject *opener_type(void);

/* receiving.c */
PyObject *receive(PyObject *module, PyObject *arguments);

/* opening.c */
PyObject *copy_run(PyObject *module, PyObject *arguments);
