"""What a weight file may ask of the reader. Genuine files stay far below each limit; a hostile one stops here."""

# The largest published networks need about 80 000 opcodes, a checkpoint with two optimisers about 200 000. One opcode
# can cost about 200 bytes, so this bounds the reader's memory (beyond the file's own bytes) at some hundred megabytes.
OPCODES = 2_000_000

# Networks inside networks are nested about 35 deep (measured), lists of lists in options add a few.
DEPTH = 100

# Values met when shared parts are walked again each time: about 100 000 in genuine files, 2**60 in 60 levels of [x, x].
WALKED_VALUES = 5_000_000

# Picklers number their memo from 0 up, one number a value, so no index can pass the number of opcodes.
MEMO_INDEX = OPCODES

# Marks that are open at one time: one or two a level of nesting.
MARKS = 2 * DEPTH

# The largest genuine integer is torch's magic number, of 10 bytes or 24 digits.
INTEGER_BYTES = 32
INTEGER_DIGITS = 80

# Bytes shorter than this are copied out of the file, so that a small file's values do not hold on to it.
COPIED_BYTES = 1 << 12

# numpy's own limit on axes is 64; weights have at most 5.
AXES = 16

# A tensor may be larger than its storage only through strides of 0 (an expanded tensor). Up to here that is harmless.
EXPANDED_ELEMENTS = 1 << 20

# A storage inside a pickle is a torch file of its own, which holds no further one.
NESTED_FILES = 1
