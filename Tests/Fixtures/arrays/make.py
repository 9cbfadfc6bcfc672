"""Archives as NumPy writes them: python make.py"""

import numpy

x = (numpy.arange(120) * 7 % 256).astype("uint8").reshape(5, 4, 3, 2)
y = numpy.arange(4, -1, -1)
numpy.savez("stored.npz", x=x, y=y)
numpy.savez_compressed("deflated.npz", x=x, y=y)
