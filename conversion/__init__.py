"""Official weight files into model folders, and back, without running anything that they contain.

`conversion.convert` is the door. A family of files is one module with its table of rules, such as
`conversion.nvidia_torch`; `conversion.rules` applies any table in both directions.
"""
