"""`decoders.py PICTURE BLURRED`: blurs a picture a little, as a camera does, into the file BLURRED. It prints as JSON what two readers
of QR codes find in both: [{"OpenCV": ..., "ZXing": ...}, ...]."""

import json
import sys

import cv2
import zxingcpp

BLUR = 2  # pixels; a module of the code has 9


def read(picture):
    try:
        by_opencv = cv2.QRCodeDetector().detectAndDecode(picture)[0]
    except cv2.error:  # with some pictures it fails, instead of finding nothing
        by_opencv = ""
    codes = zxingcpp.read_barcodes(picture)
    return {"OpenCV": by_opencv, "ZXing": codes[0].text if codes else ""}


sharp = cv2.imread(sys.argv[1])
blurred = cv2.GaussianBlur(sharp, (0, 0), BLUR)
cv2.imwrite(sys.argv[2], blurred)
print(json.dumps([read(sharp), read(blurred)]))
