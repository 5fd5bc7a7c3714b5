# Python that monty lacks, for programs that use it; source.rs puts these calls in its place.

# str % values
def _sp_percent(template, values):
    binary = isinstance(template, bytes)
    parts = _sp_directives(_sp_from_latin1(template) if binary else template)
    named = isinstance(values, dict)
    if not named and not isinstance(values, tuple):
        values = (values,)
    text = ''
    used = 0
    for literal, kind, name, spec in parts:
        text += literal
        if kind == '':
            continue
        if kind == '%':
            text += '%'
            continue
        if name is not None:
            value = values[name]
        else:
            if used >= len(values):
                raise TypeError('not enough arguments for format string')
            value = values[used]
            used += 1
        if kind == 's' or kind == 'b':
            value = _sp_from_latin1(value) if binary and isinstance(value, bytes) else str(value)
        elif kind == 'r' or kind == 'a':
            value = repr(value)
        elif kind == 'c':
            value = value if isinstance(value, str) else chr(value)
        elif isinstance(value, str):
            raise TypeError(f'%{kind} format: a real number is required, not str')
        elif kind == 'd':
            value = int(value)
        text += f'{value:{spec}}'
    if not named and used < len(values):
        raise TypeError('not all arguments converted during string formatting')
    return _sp_to_latin1(text) if binary else text

# del container[key]
def _sp_delete(container, key):
    container.pop(key)

# The text of an exception made with other than one string.
def _sp_text(*values):
    if len(values) == 1:
        return str(values[0])
    return str(values)

def _sp_os_text(*values):
    if len(values) == 2:
        return f'[Errno {values[0]}] {values[1]}'
    return _sp_text(*values)

# error.errno, error.strerror, error.args
def _sp_errno(error):
    return _sp_error_parts(str(error))[0] if isinstance(error, OSError) else error.errno

def _sp_strerror(error):
    return _sp_error_parts(str(error))[1] if isinstance(error, OSError) else error.strerror

def _sp_args(error):
    if isinstance(error, OSError):
        parts = _sp_error_parts(str(error))
        if parts[0] is not None:
            return parts
    return error.args

# type(error), repr(error)
class _sp_type_of_error:
    def __init__(self, name):
        self.__name__ = name
        self.__qualname__ = name

    def __repr__(self):
        return f"<class '{self.__name__}'>"

def _sp_type(value):
    if isinstance(value, OSError):
        return _sp_type_of_error(_sp_real_name(type(value).__name__, str(value)))
    return type(value)

def _sp_repr(value):
    if isinstance(value, OSError):
        name = _sp_real_name(type(value).__name__, str(value)).split('.')[-1]
        return name + repr(_sp_args(value)) if str(value).startswith('[Errno ') else f'{name}({str(value)!r})'
    return repr(value)

# int.from_bytes, int.to_bytes
def _sp_from_bytes(data, byteorder='big', signed=False):
    return _sp_bytes_to_int(data, byteorder, signed)

def _sp_to_bytes(value, length=1, byteorder='big', signed=False):
    return _sp_int_to_bytes(value, length, byteorder, signed)

# bytes.decode and str.encode with 'latin-1'
def _sp_decode(data, encoding, errors='strict'):
    return _sp_from_latin1(data)

def _sp_encode(text, encoding, errors='strict'):
    return _sp_to_latin1(text)
