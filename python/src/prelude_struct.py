# The one thing of the module struct that must be Python: the type of its errors, a stand-in (errors.rs).
import binascii as _sp_binascii
_sp_module_struct.error = _sp_binascii.Error
