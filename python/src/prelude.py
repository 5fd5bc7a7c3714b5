# What every program finds: print, by way of the terminal of its host.
#
# Names here start with _sp_; those that aren't defined are calls that leave Python (calls.rs).
def print(*values, sep=' ', end='\n', file=None, flush=False):
    text = (' ' if sep is None else sep).join([str(value) for value in values]) + ('\n' if end is None else end)
    if file is None:
        _sp_print(text)
    else:
        file.write(text)
