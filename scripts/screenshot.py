"""Make docs/images/plan.png: the page of the plan of examples/review, in a browser.

Usage: .venv/bin/python scripts/screenshot.py
"""

from __future__ import annotations

import base64
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "images" / "plan.png"
HALVES = (
    ("light", "h1, header, #diagnostics, #changes"),
    ("dark", "#credits, #calendar, #messages, #operations"),
)
"""The page in two halves, one by day and one by night."""
WIDTH = 960

# A palette of 256 colours makes the image a third of what it would be: the most frequent colour of each of 32,768 boxes of the
# colour cube, and for boxes without a place of their own the nearest one that has.
PALETTE = """async (shots) => {
  const images = await Promise.all(shots.map(async (shot) => {
    const image = new Image();
    image.src = `data:image/png;base64,${shot}`;
    await image.decode();
    return image;
  }));
  const width = images.reduce((sum, image) => sum + image.width, 0);
  const height = Math.max(...images.map((image) => image.height));
  const canvas = new OffscreenCanvas(width, height).getContext("2d");
  canvas.fillStyle = "#14171b";
  canvas.fillRect(0, 0, width, height);
  images.forEach((image, place) => canvas.drawImage(image, place * images[0].width, 0));
  const pixels = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer);
  const box = (pixel) => (pixel & 0xf8) >> 3 | (pixel & 0xf800) >> 6 | (pixel & 0xf80000) >> 9;
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) || 0) + 1);
  const boxes = new Map();
  for (const [pixel, count] of counts) {
    const [best = pixel, most = 0, all = 0] = boxes.get(box(pixel)) || [];
    boxes.set(box(pixel), [count > most ? pixel : best, Math.max(count, most), all + count]);
  }
  const ranked = [...boxes].sort((one, other) => other[1][2] - one[1][2]);
  const palette = ranked.slice(0, 256).map(([, [pixel]]) => pixel);
  const parts = (pixel) => [pixel & 255, pixel >> 8 & 255, pixel >> 16 & 255];
  const far = (one, other) => parts(one).reduce((sum, part, at) => sum + (part - parts(other)[at]) ** 2, 0);
  const places = new Map(ranked.map(([key, [pixel]], place) => [key, place < 256 ? place :
    palette.reduce((best, color, at) => far(color, pixel) < far(palette[best], pixel) ? at : best, 0)]));
  let text = "";
  for (const pixel of pixels) text += String.fromCharCode(places.get(box(pixel)));
  return [width, height, palette.flatMap(parts), btoa(text)];
}"""


def main() -> None:
    """Take both halves, and lay them side by side."""
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as driver:
        stack = Path(directory) / "review"
        shutil.copytree(ROOT / "examples" / "review", stack)
        command = [sys.executable, "-m", "smsops", "-C", str(stack), "plan", "--format", "html"]
        plan = Path(directory) / "plan.html"
        plan.write_text(subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout, "utf-8")
        chromium = driver.chromium.launch(executable_path=shutil.which("chromium"), chromium_sandbox=False)
        page = chromium.new_page()
        shots = []
        for scheme, shown in HALVES:
            page.set_viewport_size({"width": WIDTH, "height": 4000})  # what is out of sight is not laid out
            page.emulate_media(color_scheme=scheme)
            page.goto(plan.as_uri())
            page.evaluate(
                "s => document.querySelectorAll('main > *').forEach(e => { e.hidden = !e.matches(s); })", shown
            )
            page.set_viewport_size(
                {"width": WIDTH, "height": page.evaluate("document.querySelector('main').offsetHeight")}
            )
            shots.append(base64.b64encode(page.screenshot()).decode())
        width, height, palette, pixels = chromium.new_page().evaluate(PALETTE, shots)
        chromium.close()
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(png(width, height, bytes(palette), base64.b64decode(pixels)))
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size:,} bytes")


def png(width: int, height: int, palette: bytes, pixels: bytes) -> bytes:
    """An image of places in a palette."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    lines = b"".join(b"\0" + pixels[row * width : (row + 1) * width] for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


if __name__ == "__main__":
    main()
