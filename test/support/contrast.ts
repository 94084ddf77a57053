import type { Page } from 'playwright-core';

/** Text that is hard to read: what it says, its contrast and how much there should be. */
interface Faint {
  readonly text: string;
  readonly ratio: number;
}

// Runs in the page. A canvas turns every notation of a colour into octets; backgrounds are laid over each other.
const FIND = `(() => {
  const context = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  const known = new Map();
  const octets = (colour) => {
    if (!known.has(colour)) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      known.set(colour, [...context.getImageData(0, 0, 1, 1).data]);
    }
    return known.get(colour);
  };
  const over = (top, below) => below.map((each, at) => top[at] * (top[3] / 255) + each * (1 - top[3] / 255));
  const backOf = (element) => {
    const colours = [];
    for (let at = element; at; at = at.parentElement) colours.push(octets(getComputedStyle(at).backgroundColor));
    return colours.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const light = (colour) => colour.slice(0, 3).map((value) => value / 255)
    .map((value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0);
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility({ visibilityProperty: true }) || element.closest('.unseen, .skip, script, svg, option, [disabled]')) continue;
    const back = backOf(element);
    const [a, b] = [light(over(octets(getComputedStyle(element).color), back)), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push({ text: text.slice(0, 60), ratio: Math.round(ratio * 100) / 100 });
  }
  return faint;
})()`;

/** The visible texts of a page whose contrast is below 4.5 : 1 (WCAG 2.1 §1.4.3, level AA). */
export function faintTexts(page: Page): Promise<readonly Faint[]> {
  return page.evaluate<readonly Faint[]>(FIND);
}
