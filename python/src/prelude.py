# What every program finds: print, by way of the terminal of its host.
#
# Names here start with _sp_; those that aren't defined are calls that leave Python (calls.rs).
def print(*values, sep=' ', end='\n', file=None, flush=False):
    sep = ' ' if sep is None else sep
    text = ''
    gap = ''
    for value in values:
        text += gap + (value._sp_describe() if hasattr(value, '_sp_describe') else str(value))
        gap = sep
    text += '\n' if end is None else end
    if file is None:
        _sp_print(text)
    else:
        file.write(text)
