/**
 * The rule that is being made or edited: as controls and as a sentence, kept in agreement by the desk.
 *
 * Rules:
 * 1. Only the desk turns one into the other (`preview`): this page reads no sentence and writes none.
 * 2. What somebody types last counts; an answer that is older than that is thrown away.
 * 3. A refusal stands at the part that it names, else at the one that was touched last.
 */
import { DeskError, isGivenUp, wordsOf } from '../api';
import { store } from '../store.svelte';
import { toasts } from '../toasts.svelte';
import * as api from './api';
import { alerts } from './desk.svelte';
import { firstRule, linesOf, moved, reachOf } from './form';
import { refusedPart } from './words';
import type { AlertRow, LineRow, Preview, Role, Rule, Said } from './protocol';

const WAIT_MS = 250;

interface Problem {
  part: string;
  words: string;
  hint: string | null;
}

class Draft {
  open = $state.raw(false);
  /** The rule that is edited, as it was read; null for a new one. */
  editing = $state.raw<AlertRow | null>(null);
  rule = $state.raw<Rule>(firstRule('', null));
  sentence = $state.raw('');
  preview = $state.raw<Preview | null>(null);
  problem = $state.raw<Problem | null>(null);
  /** Not yet what the desk has said. */
  checking = $state.raw(false);
  saving = $state.raw(false);
  /** Somebody else's edit of the same rule. */
  theirs = $state.raw<AlertRow | null>(null);
  /** What cannot be read, by the field in which it stands. */
  unread = $state.raw<ReadonlyMap<symbol, string>>(new Map());
  /** The condition and part that were touched last. */
  place = $state.raw(0);
  private touched = 'level';
  private timer: ReturnType<typeof setTimeout> | undefined;
  private question: AbortController | null = null;

  /** What of it can be drawn on the chart. */
  lines = $derived<readonly LineRow[]>(this.open ? linesOf(this.rule) : []);

  begin(instrument = store.selected ?? '', sentence = ''): void {
    this.start(null);
    const reach = instrument === store.selected ? reachOf(store.bars.list) : 0;
    this.rule = firstRule(instrument, instrument === '' ? null : (store.cell(instrument).row?.price ?? null), reach);
    if (sentence !== '') this.write(sentence);
    else this.ask({ rule: this.rule }, 'rule', 0);
  }

  edit(row: AlertRow): void {
    this.start(row);
    this.rule = row.rule;
    this.sentence = row.sentence;
    this.ask({ rule: this.rule }, 'rule', 0);
  }

  private start(row: AlertRow | null): void {
    this.open = true;
    this.editing = row;
    this.preview = this.problem = this.theirs = null;
    this.sentence = '';
    this.saving = false;
    this.touched = 'level';
    this.place = 0;
  }

  close(): void {
    this.open = false;
    this.editing = this.theirs = null;
    clearTimeout(this.timer);
    this.question?.abort();
  }

  /** A field holds what is no number or length (words), or no longer does (null): nothing is armed meanwhile. */
  misread(field: symbol, words: string | null): void {
    if (words === null && !this.unread.has(field)) return;
    const now = new Map(this.unread);
    if (words === null) now.delete(field);
    else now.set(field, words);
    this.unread = now;
  }

  /** By a control. */
  change(rule: Rule, part: string, place = this.place): void {
    this.rule = rule;
    this.touched = part;
    this.place = place;
    this.ask({ rule }, 'rule', WAIT_MS);
  }

  /** By the line on the chart. */
  drag(part: number, role: Role, price: number, decimals: number): void {
    this.change(moved(this.rule, part, role, price, decimals), role === 'rearm' ? 'rearm' : 'level', part);
  }

  /** By the sentence. */
  write(text: string): void {
    this.sentence = text;
    this.ask({ sentence: text }, 'sentence', WAIT_MS);
  }

  private ask(said: Said, from: 'rule' | 'sentence', afterMs: number): void {
    clearTimeout(this.timer);
    this.question?.abort(); // rule 2
    this.checking = true;
    this.timer = setTimeout(() => void this.check(said, from), afterMs);
  }

  private async check(said: Said, from: 'rule' | 'sentence'): Promise<void> {
    const question = (this.question = new AbortController());
    try {
      const preview = await api.preview(said, question.signal);
      if (question.signal.aborted) return;
      this.preview = preview;
      this.problem = null;
      if (from === 'rule') this.sentence = preview.sentence;
      else this.rule = preview.rule;
    } catch (error) {
      if (isGivenUp(error) || question.signal.aborted) return;
      this.preview = null;
      this.refuse(wordsOf(error), from);
    }
    this.checking = false;
  }

  private refuse(refused: DeskError, from: 'rule' | 'sentence'): void {
    const { part, place, words } = refusedPart(refused.message);
    const named = refused.code === 'unknown_instrument' ? 'instrument' : refused.code === 'unknown_channel' ? 'channels' : part;
    if (place !== null) this.place = place;
    const whole = refused.code === 'unreachable' || refused.code === 'no_answer' || refused.code === 'limit_reached';
    this.problem = { part: whole ? 'form' : from === 'sentence' ? 'sentence' : (named ?? this.touched), words: from === 'sentence' ? refused.message : words, hint: refused.hint }; // rule 3
  }

  /** Arms it, or puts it in the place of the one that is edited. */
  async save(): Promise<boolean> {
    if (this.saving || this.checking || this.unread.size > 0 || this.problem?.part === 'sentence') return false;
    this.saving = true;
    try {
      const row = this.editing ? await api.edit(this.editing.name, { rule: this.rule }, this.editing.version) : ((await api.add({ rule: this.rule }))[0] as AlertRow);
      alerts.take(row);
      toasts.say({ key: 'armed', tone: 'good', text: `${row.name} is ${this.editing ? 'changed and armed anew' : 'armed'}.`, hint: row.sentence, lifeMs: 5000 });
      this.close();
      return true;
    } catch (error) {
      const refused = wordsOf(error);
      if (refused.code === 'alert_changed' && this.editing) await this.overtaken(this.editing.name);
      else this.refuse(refused, 'rule');
      return false;
    } finally {
      this.saving = false;
    }
  }

  private async overtaken(name: string): Promise<void> {
    try {
      this.theirs = await api.fetchAlert(name);
    } catch (error) {
      this.refuse(wordsOf(error), 'rule');
    }
  }

  /** After somebody else's edit: theirs into the form, or this form over theirs. */
  settle(take: 'theirs' | 'mine'): void {
    const { theirs } = this;
    if (theirs === null) return;
    if (take === 'theirs') this.edit(theirs);
    else {
      this.editing = theirs;
      this.theirs = null;
      void this.save();
    }
  }
}

export const draft = new Draft();
