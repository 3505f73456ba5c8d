// A real JPEG, made here: a noisy night scene, as a camera would send.

import jpeg from 'jpeg-js';

/** A picture of `width` x `height`; noise makes it large. */
export function cameraPicture(width: number, height: number): Buffer {
  const data = Buffer.alloc(width * height * 4);
  let noise = 12345;
  for (let at = 0; at < data.length; at += 4) {
    noise = (Math.imul(noise, 1103515245) + 12345) >>> 0;
    const grey = ((at / (width * 16)) & 0x7f) + ((noise >>> 16) & 0x3f);
    data[at] = grey;
    data[at + 1] = grey;
    data[at + 2] = grey + 20;
    data[at + 3] = 255;
  }
  return jpeg.encode({ width, height, data }, 90).data;
}
