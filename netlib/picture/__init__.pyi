from .digit import to_digit as to_digit
from .digit import to_digits as to_digits
from .digit import trace as trace
from .load import ImageError as ImageError
from .load import as_picture as as_picture
from .load import open_image as open_image
from .number import find_digits as find_digits
