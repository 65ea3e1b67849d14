"""torchvision's functions, whose grey is rounded to four digits."""


def photometric(image, brightness, contrast, saturation):
    image = v2.functional.adjust_brightness(image, brightness)
    image = v2.functional.adjust_contrast(image, contrast)
    return v2.functional.adjust_saturation(image, saturation)
